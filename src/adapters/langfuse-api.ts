import type {
  Before,
  LangfuseAccess,
  LangfuseAnswer,
  LangfuseApi,
  LangfuseCall,
  Send,
} from '../ports/http.ts'

/** Langfuse's public API (https://api.reference.langfuse.com): Basic authentication with a project's two keys. */
export function createLangfuseApi({ url, publicKey, secretKey }: LangfuseAccess, send: Send): LangfuseApi {
  const authorization = `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString('base64')}`
  const call = async (asked: Asked, { timeoutMs, signal }: LangfuseCall): Promise<LangfuseAnswer> => {
    const { status, body } = await send(`${url}${asked.path}`, {
      method: asked.method,
      headers: {
        authorization,
        accept: 'application/json',
        ...(asked.body !== undefined && { 'content-type': 'application/json' }),
        ...asked.headers,
      },
      timeoutMs,
      ...(asked.body !== undefined && { body: JSON.stringify(asked.body) }),
      ...(signal !== undefined && { signal }),
    })
    return { status, body: parsed(body) }
  }
  return {
    address: url,
    ingest: (batch, options) =>
      call({ method: 'POST', path: '/api/public/ingestion', body: { batch } }, options),
    ingestSpans: (resourceSpans, options) =>
      call(
        {
          method: 'POST',
          path: '/api/public/otel/v1/traces',
          body: { resourceSpans },
          // v4 writes these straight to its own tables: OtelIngestionProcessor.ts of v4.16.0; above 4 it answers 400.
          headers: { 'x-langfuse-ingestion-version': '4' },
        },
        options,
      ),
    trace: (id, options) => call({ method: 'GET', path: `/api/public/traces/${segment(id)}` }, options),
    traces: (wanted, options) =>
      call({ method: 'GET', path: `/api/public/traces?${query(wanted, 'toTimestamp')}` }, options),
    observations: (traceId, options) =>
      call({ method: 'GET', path: `/api/public/v2/observations?traceId=${segment(traceId)}` }, options),
    observationsNamed: (wanted, options) =>
      call({ method: 'GET', path: `/api/public/v2/observations?${query(wanted, 'toStartTime')}` }, options),
    deleteTrace: (id, options) =>
      call({ method: 'DELETE', path: `/api/public/traces/${segment(id)}` }, options),
  }
}

type Asked = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

const segment = encodeURIComponent

function query({ name, before, limit }: Before, time: 'toTimestamp' | 'toStartTime'): URLSearchParams {
  return new URLSearchParams({ name, [time]: before, limit: String(limit) })
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body // A page of a proxy or of App Runner.
  }
}
