export type HttpAnswer = {
  readonly status: number
  readonly body: string
}

/** A GET that follows no redirects and gives up after `timeoutMs`. Throws when there was no answer. */
export type Http = {
  get(
    url: string,
    options: { readonly timeoutMs: number; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<HttpAnswer>
}
