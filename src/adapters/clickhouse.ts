import { RolloutError } from '../errors/rollout-error.ts'
import type { ClickHouse, Row } from '../ports/databases.ts'

const TIMEOUT_MS = 60_000

/**
 * ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http). Its own client library would be the
 * larger half of the agent's bundle for what is one POST.
 */
export function createClickHouse(options: {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly database: string
}): ClickHouse {
  const address = new URL(options.url).host
  return {
    address,
    async ping() {
      const answer = await reach(`${options.url}/ping`, { method: 'GET' }, address)
      return answer.status === 200 && answer.body.trim() === 'Ok.'
    },
    async run(sql) {
      const query = new URLSearchParams({
        database: options.database,
        default_format: 'JSONEachRow',
        output_format_json_quote_64bit_integers: '1',
      })
      const answer = await reach(
        `${options.url}/?${query}`,
        {
          method: 'POST',
          body: sql,
          headers: { 'X-ClickHouse-User': options.user, 'X-ClickHouse-Key': options.password },
        },
        address,
      )
      if (answer.status !== 200) {
        throw new RolloutError(
          `ClickHouse at ${address} refused a statement: ${answer.body.trim().slice(0, 500)}`,
        )
      }
      return answer.body
        .split('\n')
        .filter(line => line.trim() !== '')
        .map(line => JSON.parse(line) as Row)
    },
  }
}

async function reach(
  url: string,
  init: RequestInit,
  address: string,
): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    throw new RolloutError(
      `ClickHouse at ${address} (input \`clickhouse-url\`) cannot be reached: check the name, the port and the security group of this runner.`,
      { cause: error },
    )
  }
}
