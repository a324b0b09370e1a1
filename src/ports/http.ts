type HttpAnswer = {
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

/** Any request, under the same rules; `signal` gives up sooner. */
export type Send = (
  url: string,
  request: {
    readonly method: 'GET' | 'POST' | 'DELETE'
    readonly headers: Readonly<Record<string, string>>
    readonly timeoutMs: number
    readonly body?: string
    readonly signal?: AbortSignal
  },
) => Promise<HttpAnswer>
