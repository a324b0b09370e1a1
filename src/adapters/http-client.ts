import type { Http, Send } from '../ports/http.ts'

export const http: Http = {
  async get(url, { timeoutMs, headers }) {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...(headers && { headers }),
    })
    return { status: response.status, body: await response.text() }
  },
}

export const send: Send = async (url, { method, headers, timeoutMs, body, signal }) => {
  const late = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    ...(body !== undefined && { body }),
  })
  return { status: response.status, body: await response.text() }
}
