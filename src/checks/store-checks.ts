import type { ReleaseFacts } from '../release/facts.ts'
import { clickhouseAhead, dirtyClickHouse, failedMigrations, unfinishedRollback } from '../stack/rules.ts'
import type { PostgresState, Unseen } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, plural, skipped, warning } from './check.ts'

export const clickhousePing = {
  id: 'clickhouse-ping',
  title: 'ClickHouse answers',
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['clickhouse'],
  run({ stack }) {
    const { ping } = stack.probe
    if (!ping.known) return unseen(ping)
    return ping.value
      ? passed(`${ping.source} answers /ping.`)
      : failed(`${ping.source} answers /ping, but not with Ok: check which server runs there.`)
  },
} as const satisfies Check

export const clickhouseSchema = {
  id: 'clickhouse-schema',
  title: "ClickHouse's schema matches the release",
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['clickhouse'],
  run({ stack, expected, facts }) {
    const store = stack.clickhouseStore
    if (!store.known) return unseen(store)
    const { head, timezone } = store.value
    const dirty = dirtyClickHouse(stack)
    if (dirty !== undefined) return failed(dirty)
    if (timezone !== 'UTC')
      return failed(
        `ClickHouse's timezone is ${timezone}: Langfuse needs UTC. Set it in ClickHouse's configuration.`,
      )
    const wanted = expected === undefined ? undefined : facts.release(expected)?.clickhouseHead
    if (expected === undefined || wanted === undefined)
      return skipped(
        `ClickHouse's schema is at version ${head}; the catalog does not know the running release.`,
      )
    const ahead = clickhouseAhead(stack, expected, facts)
    if (ahead !== undefined) return failed(ahead)
    if (head < wanted)
      return failed(
        `ClickHouse's schema is at version ${head}, but Langfuse ${expected} needs ${wanted}: its ClickHouse migrations have not run. Check the web's log.`,
      )
    return passed(`ClickHouse's schema is at version ${head}.`)
  },
} as const satisfies Check

export const postgresMigrations = {
  id: 'postgres-migrations',
  title: "PostgreSQL's migrations match the release",
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['postgres'],
  run({ stack, expected, facts }) {
    if (!stack.postgres.known) return unseen(stack.postgres)
    const { migrations } = stack.postgres.value
    const [broken] = failedMigrations(stack).values()
    const problem = broken ?? unfinishedRollback(stack)
    if (problem !== undefined) return failed(problem)
    if (expected === undefined || facts.release(expected) === undefined) {
      return skipped(
        `PostgreSQL has ${plural(migrations.length, 'applied migration')}; the catalog does not know the running release.`,
      )
    }
    const applied = new Set(migrations.filter(row => row.state === 'applied').map(row => row.name))
    const wanted = facts.postgresMigrations(expected)
    const missing = wanted.filter(({ name }) => !applied.has(name))
    if (missing.length > 0)
      return failed(
        `Langfuse ${expected} needs Postgres migration ${missing[0]?.name}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}, which has not run. Check the web's log.`,
      )
    const extra = [...applied].filter(name => !wanted.some(migration => migration.name === name))
    if (extra.length > 0)
      return warning(
        `PostgreSQL has ${plural(extra.length, 'migration')} that Langfuse ${expected} does not know (${extra[0]}), because a newer release ran here. Deploy that release, or run the rollback action.`,
      )
    const { changed, old } = changedChecksums(migrations, facts)
    if (changed.length > 0)
      return warning(
        `Postgres migration ${changed[0]}${changed.length > 1 ? ` and ${changed.length - 1} more` : ''} was applied with content that no Langfuse release has (its checksum in _prisma_migrations differs). An image built from changed sources ran here. Compare what it changed; check \`postgres-schema\` lists what the schema lacks.`,
      )
    const note = old === 0 ? '' : ` (${old} with content from before ${facts.releases[0]?.version})`
    return passed(
      `All ${wanted.length} Postgres migrations of Langfuse ${expected} are applied, and no others${note}.`,
    )
  },
} as const satisfies Check

/** Migrations that were applied with content that the catalog does not know. */
function changedChecksums(
  migrations: PostgresState['migrations'],
  facts: ReleaseFacts,
): { readonly changed: readonly string[]; readonly old: number } {
  const [oldest] = facts.releases
  // The catalog does not know the checksums of files that were edited before its oldest release.
  const base = new Set(oldest && facts.postgresMigrations(oldest.version).map(({ name }) => name))
  const strange = migrations.filter(({ name, checksum, state }) => {
    const released = facts.postgresChecksums(name)
    return state === 'applied' && released.length > 0 && !released.includes(checksum)
  })
  const changed = strange.map(({ name }) => name).filter(name => !base.has(name))
  return { changed, old: strange.length - changed.length }
}

/** Not configured: skipped. Configured but unreachable: failed. Not observed: inconclusive. */
export function unseen(store: { readonly reason: string; readonly because: Unseen }): Finding {
  if (store.because === 'not-asked') return skipped(`${store.reason}.`)
  return store.because === 'unreachable' ? failed(store.reason) : inconclusive(store.reason)
}
