import { backgroundRowsOf, type ReleaseFacts } from '../release/facts.ts'
import { majorOf } from '../release/requirements.ts'
import {
  BACKGROUND_SWITCH,
  clickhouseAhead,
  dirtyClickHouse,
  failedMigrations,
  isDormant,
  rollbackInProgress,
  runsNone,
  unfinishedRollback,
} from '../stack/rules.ts'
import type { BackgroundMigration, PostgresState, Stack } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, inconclusive, KIND, passed, plural, skipped, unseen, warning } from './check.ts'

export const clickhousePing = {
  ...KIND.stores,
  id: 'clickhouse-ping',
  title: 'ClickHouse answers',
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
  ...KIND.stores,
  id: 'clickhouse-schema',
  title: "ClickHouse's schema matches the release",
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
  ...KIND.stores,
  id: 'postgres-migrations',
  title: "PostgreSQL's migrations match the release",
  about: ['postgres'],
  run({ stack, expected, facts }) {
    if (!stack.postgres.known) return unseen(stack.postgres)
    const { migrations } = stack.postgres.value
    const [broken] = failedMigrations(stack).values()
    if (broken !== undefined) return failed(broken)
    const running = rollbackInProgress(stack)
    if (running !== undefined) return inconclusive(running)
    const unfinished = unfinishedRollback(stack)
    if (unfinished !== undefined) return failed(unfinished)
    if (expected === undefined || facts.release(expected) === undefined)
      return skipped(
        `PostgreSQL has ${plural(migrations.length, 'applied migration')}; the catalog does not know the running release.`,
      )
    const applied = new Set(migrations.filter(row => row.state === 'applied').map(row => row.name))
    const wanted = facts.postgresMigrations(expected)
    const lacking = wanted.filter(({ name }) => !applied.has(name))
    if (lacking.length > 0)
      return failed(
        `Langfuse ${expected} needs Postgres migration ${lacking[0]?.name}${lacking.length > 1 ? ` and ${lacking.length - 1} more` : ''}, which has not run. Check the web's log.`,
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

export const backgroundMigrations = {
  ...KIND.stores,
  id: 'background-migrations',
  title: 'Background migrations have finished',
  about: ['postgres', 'worker'],
  run(subject) {
    const { postgres } = subject.stack
    if (!postgres.known) return unseen(postgres)
    const { backgroundMigrations: rows, noBackgroundMigrations } = postgres.value
    if (noBackgroundMigrations === true) return withoutTable(subject)
    // Every release since v2.93.7 has some; v4 has new ones.
    if (rows.length === 0)
      return inconclusive(
        "PostgreSQL's table background_migrations is empty. Either the web has not run its migrations, or this is not Langfuse's database. Check the web's log and DATABASE_URL.",
      )
    return evaluate(groupsOf(rows, subject), subject.stack)
  },
} as const satisfies Check

/** https://github.com/langfuse/langfuse/issues/5859: the worker started before the web had migrated. */
function withoutTable({ expected, facts }: Subject): Finding {
  const wanted = expected === undefined ? [] : backgroundRowsOf(expected, facts)
  return wanted.length === 0
    ? inconclusive(
        "PostgreSQL has no table background_migrations. Either the web has not run its migrations, or this is not Langfuse's database. Check the web's log and DATABASE_URL.",
      )
    : failed(
        `PostgreSQL has no table background_migrations, so the worker copies no data (Langfuse ${expected} needs ${plural(wanted.length, 'row')} in it). Let the web run its migrations, then restart the worker.`,
      )
}

/**
 * `dormant`: its feature flag is off. `off`: this worker runs none at all. `left`: failed on v3, and v2 runs none. `scriptless`: the worker's image has no such
 * script, which stops all of them. `stalled`: no worker is running any of them.
 */
type State =
  | 'finished'
  | 'failed'
  | 'left'
  | 'scriptless'
  | 'dormant'
  | 'off'
  | 'active'
  | 'queued'
  | 'stalled'
type Groups = ReadonlyMap<State, readonly BackgroundMigration[]>

function groupsOf(rows: readonly BackgroundMigration[], { stack, facts }: Subject): Groups {
  const busy = rows.some(row => row.active === true)
  return Map.groupBy(rows, row => stateOf(row, busy, { stack, facts }))
}

function stateOf(
  row: BackgroundMigration,
  busy: boolean,
  { stack, facts }: Pick<Subject, 'stack' | 'facts'>,
): State {
  if (row.state === 'failed') return isLeft(stack) ? 'left' : 'failed'
  if (row.state === 'finished') return 'finished'
  if (row.active === true) return 'active'
  if (runsNone(stack.worker)) return 'off'
  if (isDormant(row, stack.worker)) return 'dormant'
  if (isScriptless(row, stack, facts)) return 'scriptless'
  return busy ? 'queued' : 'stalled'
}

function isLeft({ worker }: Stack): boolean {
  const { version } = worker.image
  return version !== undefined && majorOf(version) < 3 && runsNone(worker)
}

/** https://github.com/langfuse/langfuse/issues/7315 */
function isScriptless({ script }: BackgroundMigration, { worker }: Stack, facts: ReleaseFacts): boolean {
  const { version } = worker.image
  const release = version === undefined ? undefined : facts.release(version)
  // The catalog does not know the scripts of newer releases.
  if (script === undefined || release === undefined || release.readFrom !== undefined) return false
  return !backgroundRowsOf(release.version, facts).some(row => row.script === script)
}

function evaluate(groups: Groups, { worker }: Stack): Finding {
  const of = (state: State) => groups.get(state) ?? []
  const bad = of('failed')
  if (bad.length > 0)
    return failed(
      `Background migration ${bad.map(withReason).join(', ')}. Fix the cause, then ${rerun(bad)}.`,
    )
  const scriptless = of('scriptless')
  if (scriptless.length > 0)
    return failed(
      `Background migration ${namesOf(scriptless)} has no script in the worker's image (${worker.image.version}), because a newer release created it. The worker stops at it with "Cannot find module" and runs no other. Deploy one release to web and worker, or run the rollback action, which removes such rows.`,
    )
  return open(of, worker.image.version ?? 'unknown')
}

function open(of: (state: State) => readonly BackgroundMigration[], version: string): Finding {
  const stalled = of('stalled')
  if (stalled.length > 0)
    return warning(
      `Background migration ${namesOf(stalled)} is stalled: it has not finished, and no worker is running it. A worker starts them only at its own start. If that was minutes ago, ${rerun(stalled)}. Do not upgrade until it has finished.`,
    )
  const going = [...of('active'), ...of('queued')]
  if (going.length > 0) {
    const queued = of('queued').length > 0 ? `, and ${namesOf(of('queued'))} is queued behind it` : ''
    return warning(
      `Background migration ${namesOf(of('active'))} is running${queued}: wait until it has finished before the next upgrade.`,
    )
  }
  const off = of('off')
  if (off.length > 0 && version !== 'unknown' && majorOf(version) >= 3)
    return warning(
      `Background migration ${namesOf(off)} has not finished, because the worker runs none (${BACKGROUND_SWITCH} is \`false\`). Its data is not copied until you remove that variable. Remove it once no traffic goes to v2.`,
    )
  const notes = [
    off.length > 0 ? `${namesOf(off)} will run on Langfuse 3` : '',
    of('left').length > 0
      ? `${namesOf(of('left'))} failed on Langfuse 3, and Langfuse 2 does not run it. When you deploy Langfuse 3 again, set \`rerun-background-migrations: ${of(
          'left',
        )
          .map(row => row.name)
          .join(',')}\``
      : '',
    of('dormant').length > 0 ? `${namesOf(of('dormant'))} will not run, because its feature flag is off` : '',
  ].filter(note => note !== '')
  const finished = of('finished').length
  return passed(
    `${[finished === 0 ? 'No background migration is left to run' : `All ${finished} background migrations of this worker have finished`, ...notes].join('; ')}.`,
  )
}

function withReason({ name, failure }: BackgroundMigration): string {
  return failure === undefined || failure === '' ? `${name} failed` : `${name} failed with "${failure}"`
}

function rerun(rows: readonly BackgroundMigration[]): string {
  return `deploy the same version with \`rerun-background-migrations: ${rows.map(row => row.name).join(',')}\``
}

function namesOf(rows: readonly BackgroundMigration[]): string {
  return rows.map(row => row.name).join(', ')
}
