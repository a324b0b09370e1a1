import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { RolloutError } from '../errors/errors.ts'
import type { ClickHouse, Row } from '../ports/databases.ts'
import { CLICKHOUSE_SETTINGS } from '../schema/clickhouse-settings.ts'

const TIMEOUT_MS = 60_000

/**
 * ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http). No client library: it would double the
 * agent's bundle.
 * @param hint what to check if it cannot be reached
 */
export function createClickHouse(
  options: {
    readonly url: string
    readonly user: string
    readonly password: string
    readonly database: string
  },
  hint = '(input `clickhouse-url`) cannot be reached: check the name, the port and the security group of this runner',
): ClickHouse {
  const { host: address } = new URL(options.url)
  const settings = new Map(Object.entries(CLICKHOUSE_SETTINGS))
  const clickhouse: ClickHouse = {
    address,
    async ping({ timeoutMs = TIMEOUT_MS } = {}) {
      const answer = await reach({ url: `${options.url}/ping`, method: 'GET', address, hint, timeoutMs })
      return answer.status === 200 && answer.body.trim() === 'Ok.'
    },
    async run(sql, { timeoutMs = TIMEOUT_MS } = {}) {
      const query = new URLSearchParams({
        database: options.database,
        default_format: 'JSONEachRow',
        output_format_json_quote_64bit_integers: '1',
        ...Object.fromEntries(settings),
      })
      const answer = await reach({
        url: `${options.url}/?${query}`,
        method: 'POST',
        body: sql,
        headers: { 'X-ClickHouse-User': options.user, 'X-ClickHouse-Key': options.password },
        address,
        hint,
        timeoutMs,
      })
      if (answer.status !== 200) {
        const refusal = answer.body.trim().slice(0, 500)
        // A server that is too old for Langfuse has to answer that it is.
        if (settings.delete(UNKNOWN_SETTING.exec(refusal)?.[1] ?? ''))
          return clickhouse.run(sql, { timeoutMs })
        throw new RolloutError(
          FIXED_SETTINGS.test(refusal)
            ? `ClickHouse at ${address} lets user ${options.user} neither write nor change all settings. Remove \`readonly\` and constraints from the profile of this user: ${refusal}`
            : `ClickHouse at ${address} refused a statement: ${refusal}`,
        )
      }
      return answer.body
        .split('\n')
        .filter(line => line.trim() !== '')
        .map(line => JSON.parse(line) as Row)
    },
  }
  return clickhouse
}

const UNKNOWN_SETTING = /^Code: 115\..*Unknown setting '?(\w+)/

/** READONLY and SETTING_CONSTRAINT_VIOLATION. */
const FIXED_SETTINGS = /^Code: (164|452)\./

type Request = {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly address: string
  readonly hint: string
  readonly timeoutMs: number
}

/** Not `fetch`, which times out after five minutes: copying a big column may take longer. */
async function reach(request: Request): Promise<{ status: number; body: string }> {
  const { url, method, body, headers, address, hint, timeoutMs } = request
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  let isConnected = false
  try {
    return await new Promise((resolve, reject) => {
      const options = {
        method,
        headers: { ...headers },
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
      }
      const sent = send(url, options, answer => {
        text(answer).then(found => resolve({ status: answer.statusCode ?? 0, body: found }), reject)
      })
      sent.on('error', reject)
      sent.on('socket', socket => {
        socket.setKeepAlive(true, 30_000) // the connection is idle during a long statement
        socket.once('connect', () => {
          isConnected = true
        })
      })
      sent.end(body)
    })
  } catch (error) {
    throw new RolloutError(
      isConnected
        ? `ClickHouse at ${address} accepted a statement but did not answer; the statement may still be running.`
        : `ClickHouse at ${address} ${hint}.`,
      { cause: error },
    )
  }
}
