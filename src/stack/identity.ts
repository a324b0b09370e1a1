import type { DatabaseAddress, PostgresSession } from '../ports/databases.ts'
import type { Names } from '../ports/http.ts'
import { inSchema } from '../schema/quote.ts'
import { readMark, type StackMark } from '../schema/rollout-schema.ts'

/** Which database a connection reached. */
export type PostgresIdentity = DatabaseAddress & {
  /** The host and the names that it is an alias of, in order. */
  readonly names: readonly string[]
  /** The same for the host that the worker's settings name, if it is not a secret. */
  readonly configuredNames: readonly string[]
  /** PostgreSQL's system identifier: copies share it; undefined: this user may not read it. */
  readonly system: string | undefined
  /** The same with the server's own address, in which copies differ, and the database. */
  readonly server: string
  /** Other schemas of the database with Prisma's migrations. */
  readonly otherSchemas: readonly string[]
  readonly mark: StackMark | undefined
  /** Worker tasks whose sessions ran a statement here right after this run asked them for their health. */
  readonly usedBy: readonly string[]
  /** Whether the canary's public key is one of its API keys; undefined: there is no canary. */
  readonly hasKey: boolean | undefined
}

/** A chain of aliases is short; a loop must end. */
const LONGEST_CHAIN = 8

/** A host and the names that it is an alias of. Never throws. */
export async function aliasesOf(host: string, names: Names): Promise<readonly string[]> {
  const chain = [host]
  for (;;) {
    const next = chain.length < LONGEST_CHAIN ? await names.alias(chain.at(-1) ?? host) : undefined
    if (next === undefined || chain.includes(next)) return chain
    chain.push(next)
  }
}

type Asked = Pick<PostgresIdentity, 'names' | 'configuredNames'> & {
  readonly at: DatabaseAddress
  readonly publicKey: string | undefined
  readonly workers: readonly { readonly task: string; readonly address: string }[]
  /** As `clockOf` returned it, before the workers were asked for their health. */
  readonly since: string
}

export async function readIdentity(session: PostgresSession, asked: Asked): Promise<PostgresIdentity> {
  const { at, names, configuredNames, publicKey, workers, since } = asked
  const system = await systemOf(session)
  const [server] = await session.run(
    'SELECT host(inet_server_addr()) AS address, current_database() AS database',
  )
  // Sessions of other users are visible only to members of pg_read_all_stats.
  const active = await session.run(
    `SELECT DISTINCT host(client_addr) AS address FROM pg_stat_activity
     WHERE datname = current_database() AND state_change >= $1::timestamptz AND client_addr IS NOT NULL
       AND application_name <> 'langfuse-rollout'`,
    [since],
  )
  const others = await session.run(
    `SELECT nspname AS schema FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
     WHERE relname = '_prisma_migrations' AND relkind = 'r' AND nspname <> $1 ORDER BY 1`,
    [at.schema],
  )
  const addresses = new Set(active.map(row => row['address']))
  return {
    ...at,
    names,
    configuredNames,
    system,
    server: [system ?? '', server?.['address'] ?? '', server?.['database'] ?? ''].join(' '),
    otherSchemas: others.map(row => String(row['schema'])),
    mark: await readMark(session),
    usedBy: workers.filter(({ address }) => addresses.has(address)).map(({ task }) => task),
    hasKey: publicKey === undefined ? undefined : await hasKey(session, at.schema, publicKey),
  }
}

/** The database's own clock, in full precision. */
export async function clockOf(session: PostgresSession): Promise<string> {
  const [row] = await session.run('SELECT clock_timestamp()::text AS now')
  return String(row?.['now'])
}

/** A managed service may forbid the function. */
async function systemOf(session: PostgresSession): Promise<string | undefined> {
  const [granted] = await session.run(
    `SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS granted`,
  )
  if (granted?.['granted'] !== true) return undefined
  const [row] = await session.run('SELECT system_identifier::text AS id FROM pg_control_system()')
  return typeof row?.['id'] === 'string' ? row['id'] : undefined
}

async function hasKey(session: PostgresSession, schema: string, publicKey: string): Promise<boolean> {
  const [row] = await session.run(
    `SELECT EXISTS (SELECT FROM ${inSchema(schema, 'api_keys')} WHERE public_key = $1) AS found`,
    [publicKey],
  )
  return row?.['found'] === true
}
