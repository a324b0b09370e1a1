import type { DatabaseSettings } from '../ports/cloud.ts'
import type { Stack } from '../stack/stack.ts'
import { copyOf, endpointOf } from './restore-database.ts'
import { failing, quote } from './shell.ts'

/**
 * Copies tables from the restored database, all or nothing. A file between the two programs: in a pipe, the first one's
 * failure would look like an empty table. The number of copied rows must be that of the restored database.
 * @param tables names in schema public, empty in the database that runs
 */
export function copyTables(
  stack: Stack,
  settings: DatabaseSettings,
  tables: readonly string[],
): readonly string[] {
  return [...connections(stack, settings), ...copying(tables)]
}

/** `$current` and `$restored`, as libpq wants them: it refuses Prisma's parameters. */
function connections({ worker, cluster: _ }: Stack, settings: DatabaseSettings): readonly string[] {
  const { kind, id, port = 5432 } = settings
  return [
    `url=$(${urlOf(worker)})`,
    `current=$(printf '%s' "$url" | sed 's/[?].*//')`,
    `host=$(${endpointOf(kind, copyOf(id))})`,
    `restored=$(printf '%s' "$current" | sed -E "s#@[^@/]+/#@$host:${port}/#")`,
  ]
}

/** A command that prints the worker's DATABASE_URL; its value is never in this text. */
function urlOf({ container, taskDefinition }: Stack['worker']): string {
  const source = container.secrets['DATABASE_URL']
  if (source === undefined) {
    const query = `taskDefinition.containerDefinitions[?name=='${container.name}'].environment[] | [?name=='DATABASE_URL'].value | [0]`
    return `aws ecs describe-task-definition --task-definition ${quote(taskDefinition.arn)} --query ${quote(query)} --output text`
  }
  if (!source.includes(':secretsmanager:')) {
    const name = source.replace(/^arn:.*:parameter/, '')
    return `aws ssm get-parameter --with-decryption --name ${quote(name)} --query Parameter.Value --output text`
  }
  // arn:partition:secretsmanager:region:account:secret:name:key:stage:version
  const parts = source.split(':')
  const key = parts[7] ?? ''
  const secret = `aws secretsmanager get-secret-value --secret-id ${quote(parts.slice(0, 7).join(':'))} --query SecretString --output text`
  return key === '' ? secret : `${secret} | jq -r ${quote(`.["${key}"]`)}`
}

/** Needs `$current` and `$restored`. */
export function copying(tables: readonly string[]): readonly string[] {
  const names = tables.map(table => `public.${table}`)
  const sum = names.map(name => `(SELECT count(*) FROM ${name})`).join(' + ')
  return [
    "trap 'rm -f langfuse-tables.sql langfuse-tables.log' EXIT",
    `rows=$(psql -X -v ON_ERROR_STOP=1 -At -c ${quote(`SELECT ${sum}`)} "$restored")`,
    `pg_dump --data-only --no-owner ${names.map(name => `--table=${name}`).join(' ')} --file=langfuse-tables.sql "$restored"`,
    'psql -X -v ON_ERROR_STOP=1 --single-transaction --file=langfuse-tables.sql "$current" > langfuse-tables.log',
    `copied=$(awk '$1 == "COPY" { rows += $2 } END { print rows + 0 }' langfuse-tables.log)`,
    'echo "$copied of $rows rows copied"',
    `[ "$copied" = "$rows" ] || ${failing('Not every row was copied.')}`,
  ]
}
