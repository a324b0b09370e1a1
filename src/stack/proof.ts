import type { ClickHouseAccess, StackConfig } from '../inputs/config.ts'
import { addressIn, type DatabaseAddress } from '../ports/databases.ts'
import type { PostgresIdentity } from './identity.ts'
import type { EcsComponent, Stack } from './stack.ts'

/**
 * Whether a store that this run was given is the one that the worker uses. `other`: it is another one; `unproven`: nothing
 * shows that it is. `why` names what was seen on both sides.
 */
export type Proof =
  | { readonly state: 'proven'; readonly by: string }
  | { readonly state: 'other' | 'unproven' | 'not-given'; readonly why: string }

export type Proofs = Readonly<Record<'postgres' | 'clickhouse' | 'valkey', Proof>>

type Seen = Pick<Stack, 'worker' | 'clickhouse' | 'probe' | 'clickhouseStore'>

/** Pure. The agent connects with the worker's own environment, so what it reaches is the worker's. */
export function proofsOf(stack: Seen, { databases }: Pick<StackConfig, 'databases'>): Proofs {
  if (databases === undefined) return { postgres: BY_AGENT, clickhouse: BY_AGENT, valkey: BY_AGENT }
  const { databaseUrl, clickhouse, redisUrl } = databases
  return {
    postgres: databaseUrl === undefined ? NOT_GIVEN : provePostgres(stack),
    clickhouse: clickhouse === undefined ? NOT_GIVEN : proveClickHouse(stack, clickhouse),
    valkey: redisUrl === undefined ? NOT_GIVEN : proveValkey(stack.worker, redisUrl),
  }
}

/** A proof of the same run holds also while the worker restarts. */
export function keepProofs(earlier: Proofs, now: Proofs): Proofs {
  const kept = (store: keyof Proofs) => (earlier[store].state === 'proven' ? earlier[store] : now[store])
  return { postgres: kept('postgres'), clickhouse: kept('clickhouse'), valkey: kept('valkey') }
}

export const BY_AGENT: Proof = { state: 'proven', by: "the agent connects with the worker's own environment" }
const NOT_GIVEN: Proof = { state: 'not-given', why: 'this run was not given its address' }
const BY_SETTINGS: Proof = { state: 'proven', by: "the worker's settings name the same address" }

/** Best evidence first: the worker's own session, this stack's mark on this very server, the worker's settings. */
function provePostgres({ worker, probe: { identity } }: Seen): Proof {
  if (!identity.known) return { state: 'unproven', why: identity.reason }
  const { mark, server, usedBy, schema, otherSchemas } = identity.value
  const configured = configuredPostgres(worker)
  // Several stacks may share a database: neither a session nor the mark tells their schemas apart.
  if (configured?.schema === undefined && otherSchemas.length > 0)
    return {
      state: 'unproven',
      why: `the worker reads its schema from a secret, \`database-url\` names schema \`${schema}\`, and the database has migrations in ${otherSchemas.map(other => `\`${other}\``).join(', ')} too`,
    }
  if (configured?.schema !== undefined && configured.schema !== schema)
    return {
      state: 'other',
      why: `the worker uses schema \`${configured.schema}\`, and \`database-url\` names schema \`${schema}\``,
    }
  const [task] = usedBy
  if (task !== undefined) return { state: 'proven', by: `worker task ${task} has a session in it` }
  const isMarked = mark?.server === server
  const given = nameOf(identity.value)
  if (isMarked && mark.worker === worker.service.arn)
    return { state: 'proven', by: 'an earlier deploy of this stack marked it' }
  if (isMarked)
    return { state: 'other', why: `${given} is marked as the database of another stack, ${mark.worker}` }
  if (configured === undefined)
    return {
      state: 'unproven',
      why: `the worker reads its address from a secret, and none of its tasks has a visible session in ${given}`,
    }
  if (isSame(identity.value, configured)) return BY_SETTINGS
  return differ(
    [...identity.value.names, configured.host, ...identity.value.configuredNames],
    `the worker uses ${nameOf(configured)}, and \`database-url\` names ${given}`,
  )
}

/** What the worker's plain variables say. */
type Configured = Pick<DatabaseAddress, 'host'> & Partial<DatabaseAddress>

/** Undefined: a secret. Its entry point prefers DATABASE_URL to its parts. */
export function configuredPostgres({
  container: { environment, secrets },
}: EcsComponent): Configured | undefined {
  const { DATABASE_URL: url, DATABASE_HOST, DATABASE_NAME: database, DATABASE_ARGS: args = '' } = environment
  if (url) {
    const parsed = URL.parse(url)
    return parsed === null ? undefined : addressIn(parsed)
  }
  if (!DATABASE_HOST || secrets['DATABASE_URL'] !== undefined) return undefined
  const [host = '', port] = DATABASE_HOST.toLowerCase().split(':')
  const schema =
    secrets['DATABASE_ARGS'] === undefined ? new URLSearchParams(args).get('schema') || 'public' : undefined
  return {
    host,
    ...(port && { port: Number(port) }),
    ...(database && { database }),
    ...(schema && { schema }),
  }
}

function isSame(
  { names, configuredNames, port, database }: PostgresIdentity,
  configured: Configured,
): boolean {
  return (
    [configured.host, ...configuredNames].some(name => names.includes(name)) &&
    (configured.port ?? port) === port &&
    (configured.database ?? database) === database
  )
}

function nameOf({ host, port = 5432, database }: Configured): string {
  return `${host}:${port}${database === undefined ? '' : `/${database}`}`
}

/** A proxy and a tunnel have names of their own, whatever they connect to. */
function differ(hosts: readonly string[], why: string): Proof {
  const isIndirect = (host: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$|\.proxy-/.test(host)
  return { state: hosts.some(isIndirect) ? 'unproven' : 'other', why }
}

/** By the address of its running task, else by the worker's settings. */
function proveClickHouse(stack: Seen, access: ClickHouseAccess): Proof {
  const { CLICKHOUSE_URL, CLICKHOUSE_DB } = stack.worker.container.environment
  const given = new URL(access.url)
  const database =
    stack.worker.container.secrets['CLICKHOUSE_DB'] === undefined ? CLICKHOUSE_DB || 'default' : undefined
  if (database !== undefined && database !== access.database)
    return {
      state: 'other',
      why: `the worker uses ClickHouse's database ${database}, and \`clickhouse-database\` names ${access.database}`,
    }
  const addresses = stack.clickhouse.tasks.flatMap(({ address }) => address ?? [])
  const own = ownAddress(stack)
  if (addresses.some(address => [...nameAddresses(stack), own].includes(address)))
    return { state: 'proven', by: "its address is that of ClickHouse's running task" }
  // Stacks of one module have the same private name, each in its own VPC.
  if (own !== undefined && addresses.length > 0)
    return {
      state: 'other',
      why: `ClickHouse's task has the address ${addresses.join(', ')}, and the server at ${given.host} has ${own}`,
    }
  const configured = CLICKHOUSE_URL ? URL.parse(CLICKHOUSE_URL) : null
  if (configured === null)
    return {
      state: 'unproven',
      why: `the worker reads ClickHouse's address from a secret, and ${given.host} is not the address of ClickHouse's task`,
    }
  if (configured.hostname.toLowerCase() === given.hostname.toLowerCase()) return BY_SETTINGS
  // A load balancer, for one, has another name for the same server.
  return {
    state: 'unproven',
    why: `the worker uses ClickHouse at ${configured.host}, and \`clickhouse-url\` names ${given.host}`,
  }
}

function nameAddresses({ probe: { name } }: Seen): readonly string[] {
  return name.known ? name.value.addresses : []
}

/** By what the server calls itself: on Fargate `ip-10-0-11-37.…`. */
function ownAddress({ clickhouseStore }: Seen): string | undefined {
  const host = clickhouseStore.known ? clickhouseStore.value.host : undefined
  return /^ip-(\d+-\d+-\d+-\d+)\./.exec(host ?? '')?.[1]?.replaceAll('-', '.')
}

function proveValkey({ container: { environment } }: EcsComponent, redisUrl: string): Proof {
  const given = new URL(redisUrl)
  const { REDIS_CONNECTION_STRING: url, REDIS_HOST } = environment
  const configured = url ? URL.parse(url)?.hostname : REDIS_HOST
  if (!configured)
    return {
      state: 'unproven',
      why: `the worker reads Valkey's address from a secret, so ${given.host} cannot be compared with it`,
    }
  if (cacheOf(configured) === cacheOf(given.hostname)) return BY_SETTINGS
  return {
    state: 'unproven',
    why: `the worker uses Valkey at ${configured}, and \`redis-url\` names ${given.host}`,
  }
}

/** ElastiCache has an endpoint for each role and each node: `master.NAME.ID.…`, `NAME.ID.ng.0001.…`. */
function cacheOf(host: string): string {
  const name = host.toLowerCase()
  if (!/\.cache\.amazonaws\.com(\.cn)?$/.test(name)) return name
  return name
    .replace(/^(master|replica|clustercfg)\./, '')
    .split('.')
    .slice(0, 2)
    .join('.')
}
