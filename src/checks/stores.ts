import type { Unseen } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'

export const clickhousePing: Check = {
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
      : failed(`${ping.source} answers /ping with something else than Ok.`)
  },
}

export const clickhouseSchema: Check = {
  id: 'clickhouse-schema',
  title: "ClickHouse's schema is the release's",
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['clickhouse'],
  run({ stack, expected, facts }) {
    const store = stack.clickhouseStore
    if (!store.known) return unseen(store)
    const { head, dirty, timezone } = store.value
    if (dirty)
      return failed(
        `ClickHouse's schema is dirty at version ${head}: no web can start until it is repaired and forced to ${head - 1}.`,
      )
    if (timezone !== 'UTC') return failed(`ClickHouse's timezone is ${timezone}: Langfuse needs UTC.`)
    const wanted = expected === undefined ? undefined : facts.release(expected)?.clickhouseHead
    if (wanted === undefined)
      return skipped(`The schema is at ${head}; the catalog does not know the release that runs.`)
    if (head > wanted)
      return failed(
        `The schema is at ${head}, but Langfuse ${expected} knows only ${wanted}: its next start fails with "no migration found for version ${head}".`,
      )
    if (head < wanted)
      return failed(
        `The schema is at ${head}, but Langfuse ${expected} needs ${wanted}: its migrations have not run.`,
      )
    return passed(`The schema is at ${head}.`)
  },
}

export const postgresMigrations: Check = {
  id: 'postgres-migrations',
  title: "PostgreSQL's migrations are the release's",
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['postgres'],
  run({ stack, expected, facts }) {
    if (!stack.postgres.known) return unseen(stack.postgres)
    const { migrations, pending } = stack.postgres.value
    const broken = migrations.find(row => row.state === 'failed')
    if (broken !== undefined)
      return failed(`Postgres migration ${broken.name} never finished: the next web start fails with P3009.`)
    if (pending.length > 0)
      return failed(
        `A rollback was begun and not finished (${pending.length} migrations): run the rollback action again.`,
      )
    if (expected === undefined || facts.release(expected) === undefined) {
      return skipped(
        `${migrations.length} migrations are applied; the catalog does not know the release that runs.`,
      )
    }
    const applied = new Set(migrations.filter(row => row.state === 'applied').map(row => row.name))
    const wanted = facts.postgresMigrations(expected)
    const missing = wanted.filter(({ name }) => !applied.has(name))
    if (missing.length > 0)
      return failed(
        `Langfuse ${expected} needs Postgres migration ${missing[0]?.name}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}, which did not run.`,
      )
    const extra = [...applied].filter(name => !wanted.some(migration => migration.name === name))
    if (extra.length > 0)
      return warning(
        `PostgreSQL has ${extra.length} migrations that Langfuse ${expected} does not know (${extra[0]}): a newer release ran here.`,
      )
    return passed(`All ${wanted.length} migrations of ${expected} are applied, and no other.`)
  },
}

export const backgroundMigrations: Check = {
  id: 'background-migrations',
  title: 'Background migrations have finished',
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['postgres', 'worker'],
  run({ stack }) {
    if (!stack.postgres.known) return unseen(stack.postgres)
    // Every release since v2.93.7 has some; v4 has new ones.
    if (stack.postgres.value.backgroundMigrations.length === 0)
      return inconclusive(
        "PostgreSQL's table background_migrations is missing or empty: the web's migrations did not run, or this is not Langfuse's database.",
      )
    const rows = stack.postgres.value.backgroundMigrations.filter(row => row.gate === undefined)
    const bad = rows.filter(row => row.state === 'failed')
    if (bad.length > 0)
      return failed(
        `Background migration ${bad.map(row => row.name).join(', ')} failed: read its failed_reason, repair the cause, retry it and restart the worker.`,
      )
    const open = rows.filter(row => row.state === 'unfinished')
    if (open.length > 0)
      return warning(
        `Background migration ${open.map(row => row.name).join(', ')} has not finished: do not upgrade again before it has.`,
      )
    return passed(`All ${rows.length} have finished.`)
  },
}

/** Not given: skipped. Given and not reachable from where the caller said it is: failed. Not seen at all: inconclusive. */
export function unseen(store: { readonly reason: string; readonly because: Unseen }): Finding {
  if (store.because === 'not-asked') return skipped(`${store.reason}.`)
  return store.because === 'unreachable' ? failed(store.reason) : inconclusive(store.reason)
}
