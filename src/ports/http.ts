type HttpAnswer = {
  readonly status: number
  readonly body: string
  /** Where a redirect points to. */
  readonly location?: string | undefined
}

/** A GET that follows no redirects and stops after `timeoutMs`. Throws if there is no answer. */
export type Http = {
  get(
    url: string,
    options: { readonly timeoutMs: number; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<HttpAnswer>
}

/** Any request under the same rules; `signal` aborts it. */
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

/** The calls of Langfuse's public API that the canary needs. Each throws if there is no answer. */
export type LangfuseApi = {
  /** Its base URL, for messages. */
  readonly address: string
  /** `POST /api/public/ingestion`, as clients before v4 send. 207 with a result for each event. */
  ingest(batch: readonly object[], options: LangfuseCall): Promise<LangfuseAnswer>
  /** `POST /api/public/otel/v1/traces`: OTLP as JSON, marked as coming from a client of v4. */
  ingestSpans(resourceSpans: readonly object[], options: LangfuseCall): Promise<LangfuseAnswer>
  /** `GET /api/public/traces/{id}` with its observations and scores. */
  trace(id: string, options: LangfuseCall): Promise<LangfuseAnswer>
  /** `GET /api/public/traces`: those of a name that started before an ISO time. */
  traces(wanted: Before, options: LangfuseCall): Promise<LangfuseAnswer>
  /** `GET /api/public/v2/observations` of a trace (v4). */
  observations(traceId: string, options: LangfuseCall): Promise<LangfuseAnswer>
  /** The same, of a name that started before an ISO time. */
  observationsNamed(wanted: Before, options: LangfuseCall): Promise<LangfuseAnswer>
  /** `DELETE /api/public/traces/{id}`: 200 means that it is queued. */
  deleteTrace(id: string, options: LangfuseCall): Promise<LangfuseAnswer>
}

export type LangfuseAccess = {
  /** Without a trailing slash. */
  readonly url: string
  readonly publicKey: string
  readonly secretKey: string
}

export type Before = { readonly name: string; readonly before: string; readonly limit: number }

export type LangfuseCall = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined }

export type LangfuseAnswer = {
  readonly status: number
  /** The parsed JSON, or the text if it is none. */
  readonly body: unknown
}

/** The DNS resolver of the network that this process runs in. */
export type Names = {
  /** All addresses of a name; throws when it has none. */
  resolve(name: string): Promise<readonly string[]>
  /** The name that a name is an alias of (CNAME); undefined: it is none, or the resolver did not answer. */
  alias(name: string): Promise<string | undefined>
}
