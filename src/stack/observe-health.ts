import { explain } from '../errors/errors.ts'
import type { Http } from '../ports/http.ts'
import { known, type Observed, unknown, type WebComponent, type WebHealth } from './stack.ts'

/** Where Langfuse reports its health, below its base URL. */
const HEALTH_PATH = '/api/public/health'

const TIMEOUT_MS = 10_000

/**
 * Langfuse's own report (200, 503, or 500 while it stops; with the version that the code carries), or a gateway's report
 * that no web answers behind it. Anything else is not readable as Langfuse: the reason names who answered instead.
 */
export async function observeHealth(
  address: string,
  http: Http,
  timeoutMs = TIMEOUT_MS,
): Promise<Observed<WebHealth>> {
  try {
    const { status, body, location } = await http.get(address, { timeoutMs })
    const version = reportedVersion(body, status)
    if (version !== undefined || status >= 500) return known({ status, version }, address)
    return unknown(`${address} answers ${otherAnswer(status, body, location)}`, 'no-evidence')
  } catch (error) {
    const code = codeOf(error)
    const isTls = /^(ERR_TLS|ERR_SSL|CERT_|EPROTO)|CERT|SIGNATURE/.test(code ?? '')
    return isTls
      ? unknown(`${address} has a TLS certificate that this runner does not trust (${code})`, 'no-evidence')
      : unknown(`${address} did not answer: ${explain(error)}`, 'unreachable')
  }
}

/** `{"status": "OK", "version": "3.0.0"}`, the only shape that Langfuse answers in. */
function reportedVersion(body: string, status: number): string | undefined {
  try {
    const answer: unknown = JSON.parse(body)
    if (typeof answer !== 'object' || answer === null) return undefined
    const { status: text, version } = answer as { readonly status?: unknown; readonly version?: unknown }
    const isLangfuse = typeof version === 'string' && (status === 200 ? text === 'OK' : status >= 500)
    return isLangfuse && typeof text === 'string' ? version.replace(/^v/, '') : undefined
  } catch {
    return undefined // A page, not Langfuse.
  }
}

function otherAnswer(status: number, body: string, location: string | undefined): string {
  if (status >= 300 && status < 400) {
    const host = location === undefined ? undefined : URL.parse(location)?.host
    return `${status} and redirects to ${host ?? 'another page'}, e.g. a login in front of Langfuse`
  }
  if (status === 401) return '401: a login in front of Langfuse protects it'
  if (status === 403) return '403: a firewall or a login in front of Langfuse denies this runner'
  const what = /^\s*</.test(body)
    ? 'an HTML page and '
    : /^\s*[{[]/.test(body)
      ? "another product's JSON and "
      : ''
  return `${what}${status}, but not with Langfuse's health report`
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown }
  return typeof code === 'string' ? code : codeOf(cause)
}

/** Where the web may be asked inside the VPC: its running ECS tasks, and its URL. */
export type WebAddresses = { readonly tasks: readonly string[]; readonly url: string | undefined }

export function webAddresses(web: WebComponent, url: string): WebAddresses {
  const address = healthAddress(url)
  if (web.platform === 'app-runner') return { tasks: [], url: address }
  const port = web.container.environment['PORT'] || '3000'
  const path = URL.parse(address ?? '')?.pathname ?? HEALTH_PATH
  const tasks = web.tasks.flatMap(({ address: host, lastStatus }) =>
    host === undefined || lastStatus !== 'RUNNING' ? [] : `http://${host}:${port}${path}`,
  )
  return { tasks, url: address }
}

/** undefined: the web has no public URL. */
export function healthAddress(url: string): string | undefined {
  return url === '' ? undefined : `${url}${HEALTH_PATH}`
}

/** Several tasks are as healthy as the worst of them; a task that does not answer here may be closed to this network. */
export async function observeWebInside(
  addresses: readonly string[],
  http: Http,
): Promise<Observed<WebHealth>> {
  const all = await Promise.all(addresses.map(address => observeHealth(address, http, INSIDE_TIMEOUT_MS)))
  const read = all.filter(answer => answer.known && answer.value.version !== undefined)
  const ill = read.find(answer => answer.known && answer.value.status !== 200)
  return ill ?? read[0] ?? all[0] ?? unknown('no address of the web is known inside the VPC', 'not-asked')
}

const INSIDE_TIMEOUT_MS = 5_000
