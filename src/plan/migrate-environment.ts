import type { Stack } from '../stack/stack.ts'

type TaskEnvironment = {
  readonly environment: Readonly<Record<string, string>>
  /** Name to ARN. */
  readonly secrets: Readonly<Record<string, string>>
  /** Names that came from the web, and that the worker has and the task does not get. Never values. */
  readonly fromWeb: readonly string[]
  readonly left: readonly string[]
}

/**
 * The environment of the migration task: the worker's, because its execution role may read those secrets; and from
 * the web what its entry point reads (web/entrypoint.sh and packages/shared/clickhouse/scripts/up.sh, v3.0.0 to
 * v4.16.0) and the worker lacks. Pure.
 */
export function migrateEnvironment({ worker, web }: Stack): TaskEnvironment {
  const { container } = worker
  const has = (name: string) => name in container.environment || name in container.secrets
  const lacks = (name: string) =>
    READ_BY_ENTRYPOINT.has(name) && !has(name) && !(ADDRESS.has(name) && [...ADDRESS].some(has))
  return {
    environment: { ...without(container.environment), ...only(web.environment, lacks) },
    secrets: { ...without(container.secrets), ...only(web.secrets, lacks) },
    fromWeb: [...Object.keys(web.environment), ...Object.keys(web.secrets)].filter(lacks).sort(),
    left: [...LEFT].filter(has).sort(),
  }
}

/** Two spellings of one thing: a worker that has either needs nothing of the other. */
const ADDRESS = new Set([
  'DATABASE_URL',
  'DATABASE_HOST',
  'DATABASE_USERNAME',
  'DATABASE_PASSWORD',
  'DATABASE_NAME',
  'DATABASE_ARGS',
])

const READ_BY_ENTRYPOINT = new Set([
  ...ADDRESS,
  'DIRECT_URL',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_MIGRATION_URL',
  'CLICKHOUSE_MIGRATION_SSL',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD',
  'CLICKHOUSE_DB',
  'CLICKHOUSE_CLUSTER_ENABLED',
  'CLICKHOUSE_CLUSTER_NAME',
])

/**
 * What a migration must not get: the switches that turn it off, and Node options, which may name a module that
 * only the worker's image has.
 */
const LEFT = new Set([
  'LANGFUSE_AUTO_POSTGRES_MIGRATION_DISABLED',
  'LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED',
  'NODE_OPTIONS',
])

function without(values: Readonly<Record<string, string>>): Record<string, string> {
  return only(values, name => !LEFT.has(name))
}

function only(
  values: Readonly<Record<string, string>>,
  keep: (name: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => keep(name)))
}
