import { RolloutError } from '../errors/errors.ts'
import { addressIn, type Postgres, type PostgresSession } from '../ports/databases.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** Query parameters that only Prisma knows, and TLS parameters, which `tlsOf` reads: https://www.prisma.io/docs/orm/overview/databases/postgresql */
const NOT_FOR_THE_DRIVER = [
  'schema',
  'connection_limit',
  'pool_timeout',
  'pgbouncer',
  'connect_timeout',
  'socket_timeout',
  'statement_cache_size',
  'sslaccept',
  'sslidentity',
  'sslpassword',
]

/**
 * PostgreSQL at a URL that Prisma can read.
 * @param hint what to check if it cannot be reached
 */
export function createPostgres(
  url: string,
  hint = '(input `database-url`) cannot be reached: check the address, the password and the security group of this runner',
): Postgres {
  const parsed = new URL(url)
  const at = addressIn(parsed)
  const address = `${parsed.hostname}:${at.port}${parsed.pathname}`
  const ways = tlsOf(parsed)
  for (const name of NOT_FOR_THE_DRIVER) parsed.searchParams.delete(name)
  return {
    address,
    at,
    async connect() {
      try {
        return await connectOneOf(ways, parsed.href)
      } catch (error) {
        throw new RolloutError(`PostgreSQL at ${address} ${hint}.`, { cause: error })
      }
    },
  }
}

/** `undefined`: as the URL's libpq parameters say. */
type Tls = false | { readonly rejectUnauthorized: boolean } | undefined

/**
 * Prisma uses TLS if the server has it (`prefer`) and verifies the certificate only if `sslaccept` is strict. The driver
 * would verify it for `require`, and Node does not trust the authority of RDS.
 */
function tlsOf({ searchParams }: URL): readonly Tls[] {
  const mode = searchParams.get('sslmode') ?? 'prefer'
  const encrypted = { rejectUnauthorized: searchParams.get('sslaccept') === 'strict' }
  if (mode === 'disable') return [false]
  if (mode !== 'require' && mode !== 'prefer') return [undefined]
  searchParams.delete('sslmode')
  return mode === 'require' ? [encrypted] : [encrypted, false]
}

async function connectOneOf(ways: readonly Tls[], url: string): Promise<PostgresSession> {
  const [first, ...others] = ways
  try {
    return await connect(url, first)
  } catch (error) {
    const plain = error instanceof Error && /does not support SSL/.test(error.message)
    if (!plain || others.length === 0) throw error
    return connectOneOf(others, url)
  }
}

async function connect(url: string, ssl: Tls): Promise<PostgresSession> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({
    connectionString: url,
    application_name: 'langfuse-rollout',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(ssl !== undefined && { ssl }),
  })
  // Without a listener, a connection lost between two statements would end the process.
  client.on('error', () => undefined)
  await client.connect()
  return {
    async run(sql, parameters) {
      const result: unknown =
        parameters === undefined ? await client.query(sql) : await client.query(sql, [...parameters])
      return rowsOf(result)
    },
    close: () => client.end(),
  }
}

/** The driver returns one result for each statement; the last one's rows count. */
function rowsOf(result: unknown): readonly Record<string, unknown>[] {
  const last: unknown = Array.isArray(result) ? result.at(-1) : result
  if (typeof last !== 'object' || last === null || !('rows' in last) || !Array.isArray(last.rows)) return []
  return last.rows as readonly Record<string, unknown>[]
}
