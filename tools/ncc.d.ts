/** What we use of ncc's API; the package ships no types. https://github.com/vercel/ncc#programmatically-from-nodejs */
declare module '@vercel/ncc' {
  type Options = { readonly cache: false; readonly license: string; readonly quiet: true }
  type Asset = { readonly source: string | Buffer; readonly permissions: number }
  type Bundle = { readonly code: string; readonly assets: Readonly<Record<string, Asset>> }
  export default function ncc(entry: string, options: Options): Promise<Bundle>
}
