import { RolloutError } from '../errors/rollout-error.ts'
import type { Postgres } from '../ports/databases.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** PostgreSQL at a URL. The URL's query parameters that only Prisma knows (`schema`, `connection_limit` …) are dropped. */
export function createPostgres(url: string): Postgres {
  const parsed = new URL(url)
  const address = `${parsed.hostname}:${parsed.port || '5432'}${parsed.pathname}`
  for (const name of ['schema', 'connection_limit', 'pool_timeout', 'pgbouncer', 'connect_timeout']) {
    parsed.searchParams.delete(name)
  }
  return {
    address,
    async connect() {
      const { default: pg } = await import('pg')
      const client = new pg.Client({
        connectionString: parsed.href,
        application_name: 'langfuse-rollout',
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
      })
      // Without a listener a connection lost between two statements would end the process.
      client.on('error', () => undefined)
      try {
        await client.connect()
      } catch (error) {
        throw new RolloutError(
          `PostgreSQL at ${address} (input \`database-url\`) cannot be reached: check the address, the password and the security group of this runner.`,
          { cause: error },
        )
      }
      return {
        async run(sql, parameters) {
          const result: unknown =
            parameters === undefined ? await client.query(sql) : await client.query(sql, [...parameters])
          return rowsOf(result)
        },
        close: () => client.end(),
      }
    },
  }
}

/** The driver answers several statements with several results; the last one's rows count. */
function rowsOf(result: unknown): readonly Record<string, unknown>[] {
  const last: unknown = Array.isArray(result) ? result.at(-1) : result
  if (typeof last !== 'object' || last === null || !('rows' in last) || !Array.isArray(last.rows)) return []
  return last.rows as readonly Record<string, unknown>[]
}
