import type { ClickHouseAccess } from '../inputs/config.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * PostgreSQL's URL as the worker's entry point builds it: the URL, or its parts unescaped (worker/entrypoint.sh, v2.93.7
 * to v4.16.0). Undefined if both are incomplete.
 */
export function databaseUrlOf(environment: Environment): string | undefined {
  const { DATABASE_URL, DATABASE_HOST: host, DATABASE_NAME: name, DATABASE_ARGS: args } = environment
  if (DATABASE_URL) return DATABASE_URL
  const { DATABASE_USERNAME: user, DATABASE_PASSWORD: password } = environment
  if (!host || !name || !user || !password) return undefined
  return `postgresql://${user}:${password}@${host}/${name}${args ? `?${args}` : ''}`
}

/** ClickHouse as the worker's client reads it (packages/shared/src/env.ts). */
export function clickhouseOf(environment: Environment): ClickHouseAccess | undefined {
  const { CLICKHOUSE_URL, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD, CLICKHOUSE_DB } = environment
  if (!CLICKHOUSE_URL || !URL.canParse(CLICKHOUSE_URL)) return undefined
  const url = new URL(CLICKHOUSE_URL)
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  url.username = ''
  url.password = ''
  return {
    url: url.href.replace(/\/+$/, ''),
    user: CLICKHOUSE_USER || user || 'default',
    password: CLICKHOUSE_PASSWORD || password,
    database: CLICKHOUSE_DB || 'default',
  }
}

type ValkeyConnection = {
  /** `redis://…` or `rediss://…`; a password in it is percent-encoded. */
  readonly url: string
  readonly prefix: string
  readonly verify: boolean
}

/** Valkey as the worker's client reads it (packages/shared/src/server/redis/redis.ts). Of a cluster, its first node. */
export function valkeyOf(environment: Environment): ValkeyConnection | undefined {
  const { REDIS_CONNECTION_STRING, REDIS_HOST, REDIS_KEY_PREFIX } = environment
  const connection = {
    prefix: REDIS_KEY_PREFIX || 'bull',
    verify: environment['REDIS_TLS_REJECT_UNAUTHORIZED'] !== 'false',
  }
  if (REDIS_CONNECTION_STRING && URL.canParse(REDIS_CONNECTION_STRING))
    return { url: REDIS_CONNECTION_STRING, ...connection }
  const [node = ''] = (environment['REDIS_CLUSTER_NODES'] ?? '').split(',')
  const host = REDIS_HOST || node.split(':')[0]
  if (!host) return undefined
  const port = REDIS_HOST ? environment['REDIS_PORT'] || '6379' : node.split(':')[1] || '6379'
  const scheme = environment['REDIS_TLS_ENABLED'] === 'true' ? 'rediss' : 'redis'
  const user = encodeURIComponent(environment['REDIS_USERNAME'] ?? '')
  const password = encodeURIComponent(environment['REDIS_AUTH'] ?? '')
  return { url: `${scheme}://${user}:${password}@${host}:${port}`, ...connection }
}

const SECRET = /PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY|AUTH|SALT|URL|CONNECTION|ARGS/

/** Values that the agent must never print. */
export function secretsIn(environment: Environment): readonly string[] {
  const values = Object.entries(environment).flatMap(([name, value = '']) => {
    if (!SECRET.test(name) || name === 'REDIS_KEY_PREFIX') return []
    return URL.canParse(value) ? passwordsOf(new URL(value)) : [value]
  })
  return [...new Set(values)].filter(value => value.length >= 6)
}

function passwordsOf({ password }: URL): readonly string[] {
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}
