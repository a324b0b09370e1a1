import { AwsError } from './errors.ts'

/** One page of a list. Tokens are opaque to clients; a made-up one is refused with `invalid`. */
export function page<T>(all: readonly T[], options: PageOptions): Page<T> {
  const start = options.token === undefined ? 0 : position(options.token, options.invalid)
  const size = options.size ?? options.limit
  if (size < 1 || size > options.limit)
    throw new AwsError(
      options.invalid,
      `A page of ${size} items was asked for, but the limit is 1 to ${options.limit}.`,
    )
  const items = all.slice(start, start + size)
  const next = start + size < all.length ? Buffer.from(`from:${start + size}`).toString('base64') : undefined
  return { items, next }
}

export type Page<T> = { readonly items: readonly T[]; readonly next: string | undefined }

export type PageOptions = {
  readonly token: string | undefined
  readonly size: number | undefined
  /** The service's largest page. */
  readonly limit: number
  /** Name of the error for a bad token. */
  readonly invalid: string
}

function position(token: string, invalid: string): number {
  const match = /^from:(\d+)$/.exec(Buffer.from(token, 'base64').toString())
  if (!match) throw new AwsError(invalid, 'Invalid token.')
  return Number(match[1])
}
