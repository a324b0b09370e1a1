import type { Http } from '../ports/http.ts'

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
