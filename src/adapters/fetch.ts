import { request as plain } from 'node:http'
import { request as secure } from 'node:https'

type Asked = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal | null
  /** `follow` by default. */
  readonly redirect?: string
}

type Answer = {
  readonly ok: boolean
  readonly status: number
  readonly statusText: string
  readonly url: string
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  text(): Promise<string>
  json(): Promise<unknown>
  arrayBuffer(): Promise<ArrayBuffer>
}

const MOST_REDIRECTS = 5

/**
 * The part of the platform's `fetch` that this project and Octokit use, with the same errors. The platform's own costs
 * 13 MB: it compiles its parser from WebAssembly.
 */
export async function fetch(url: string, asked: Asked = {}, redirects = MOST_REDIRECTS): Promise<Answer> {
  const answer = await ask(url, asked)
  const location = answer.headers.get('location')
  const again = location !== undefined && [301, 302, 303, 307, 308].includes(answer.status)
  if (!again || asked.redirect === 'manual') return answer
  if (redirects === 0) throw new TypeError('fetch failed', { cause: new Error('redirect count exceeded') })
  const next = new URL(location, url)
  const { authorization: _, ...anonymous } = asked.headers ?? {}
  const headers = next.origin === new URL(url).origin ? asked.headers : anonymous
  return fetch(next.href, { ...asked, ...(headers && { headers }) }, redirects - 1)
}

function ask(url: string, { method = 'GET', headers = {}, body, signal }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(signal?.aborted ? signal.reason : new TypeError('fetch failed', { cause }))
    const options = { method, headers, ...(signal && { signal }) }
    const sent = (new URL(url).protocol === 'https:' ? secure : plain)(url, options, async response => {
      try {
        const chunks: Uint8Array[] = []
        for await (const chunk of response) chunks.push(chunk)
        const whole = Buffer.concat(chunks)
        const status = response.statusCode ?? 0
        resolve({
          ok: status >= 200 && status < 300,
          status,
          statusText: response.statusMessage ?? '',
          url,
          headers: new Map(
            Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
          ),
          text: async () => whole.toString(),
          json: async () => JSON.parse(whole.toString()),
          arrayBuffer: async () => new Uint8Array(whole).buffer,
        })
      } catch (error) {
        fail(error)
      }
    })
    sent.on('error', fail)
    sent.end(body)
  })
}
