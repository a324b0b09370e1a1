import type { ReleaseFacts } from '../release/facts.ts'
import { majorOf } from '../release/requirements.ts'
import { BACKGROUND_SWITCH, isDormant, runsNone } from '../stack/rules.ts'
import type { BackgroundMigration, Stack } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, inconclusive, passed, plural, warning } from './check.ts'
import { unseen } from './store-checks.ts'

export const backgroundMigrations = {
  id: 'background-migrations',
  title: 'Background migrations have finished',
  group: 'inside',
  needs: ['inside'],
  settles: true,
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
  const wanted = expected === undefined ? [] : rowsOf(expected, facts)
  return wanted.length === 0
    ? inconclusive(
        "PostgreSQL has no table background_migrations. Either the web has not run its migrations, or this is not Langfuse's database. Check the web's log and DATABASE_URL.",
      )
    : failed(
        `PostgreSQL has no table background_migrations, so the worker copies no data (Langfuse ${expected} needs ${plural(wanted.length, 'row')} in it). Let the web run its migrations, then restart the worker.`,
      )
}

/**
 * `dormant`: its feature flag is off. `off`: this worker runs none at all. `scriptless`: the worker's image has no such
 * script, which stops all of them. `stalled`: no worker is running any of them.
 */
type State = 'finished' | 'failed' | 'scriptless' | 'dormant' | 'off' | 'active' | 'queued' | 'stalled'
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
  if (row.state !== 'unfinished') return row.state
  if (row.active === true) return 'active'
  if (runsNone(stack.worker)) return 'off'
  if (isDormant(row, stack.worker)) return 'dormant'
  if (isScriptless(row, stack, facts)) return 'scriptless'
  return busy ? 'queued' : 'stalled'
}

/** https://github.com/langfuse/langfuse/issues/7315 */
function isScriptless({ script }: BackgroundMigration, { worker }: Stack, facts: ReleaseFacts): boolean {
  const { version } = worker.image
  const release = version === undefined ? undefined : facts.release(version)
  // The catalog does not know the scripts of newer releases.
  if (script === undefined || release === undefined || release.readFrom !== undefined) return false
  return !rowsOf(release.version, facts).some(row => row.script === script)
}

/** The rows that a release creates in a new database: its worker has a script for each. */
function rowsOf(version: string, facts: ReleaseFacts) {
  if (facts.release(version) === undefined) return []
  const known = new Set(facts.postgresMigrations(version).map(({ name }) => name))
  return facts
    .allBackgroundMigrations()
    .filter(row => known.has(row.addedBy) && !(row.removedBy !== undefined && known.has(row.removedBy)))
}

function evaluate(groups: Groups, { worker }: Stack): Finding {
  const of = (state: State) => groups.get(state) ?? []
  const bad = of('failed')
  if (bad.length > 0) {
    return failed(
      `Background migration ${bad.map(withReason).join(', ')} failed: fix the cause, then ${rerun(bad)}.`,
    )
  }
  const scriptless = of('scriptless')
  if (scriptless.length > 0) {
    return failed(
      `Background migration ${namesOf(scriptless)} has no script in the worker's image (${worker.image.version}), because a newer release created it. The worker stops at it with "Cannot find module" and runs no other. Deploy one release to web and worker, or run the rollback action, which removes such rows.`,
    )
  }
  return open(of, worker.image.version ?? 'unknown')
}

function open(of: (state: State) => readonly BackgroundMigration[], version: string): Finding {
  const stalled = of('stalled')
  if (stalled.length > 0) {
    return warning(
      `Background migration ${namesOf(stalled)} is stalled: it has not finished, and no worker is running it. A worker starts them only at its own start. If that was minutes ago, ${rerun(stalled)}. Do not upgrade before.`,
    )
  }
  const going = [...of('active'), ...of('queued')]
  if (going.length > 0) {
    const queued = of('queued').length > 0 ? `, and ${namesOf(of('queued'))} is queued behind it` : ''
    return warning(
      `Background migration ${namesOf(of('active'))} is running${queued}: wait until it has finished before the next upgrade.`,
    )
  }
  const off = of('off')
  if (off.length > 0 && version !== 'unknown' && majorOf(version) >= 3) {
    return warning(
      `Background migration ${namesOf(off)} has not finished, because the worker runs none (${BACKGROUND_SWITCH} is \`false\`). Its data is not copied until you remove that variable. Remove it once no traffic goes to v2.`,
    )
  }
  const notes = [
    off.length > 0 ? `${namesOf(off)} will run on Langfuse 3` : '',
    of('dormant').length > 0 ? `${namesOf(of('dormant'))} will not run, because its feature flag is off` : '',
  ].filter(note => note !== '')
  const finished = of('finished').length
  return passed(
    `${[finished === 0 ? 'No background migration is left to run' : `All ${finished} background migrations of this worker have finished`, ...notes].join('; ')}.`,
  )
}

function withReason({ name, failure }: BackgroundMigration): string {
  return failure === undefined || failure === '' ? name : `${name} ("${failure}")`
}

function rerun(rows: readonly BackgroundMigration[]): string {
  return `deploy the same version with \`rerun-background-migrations: ${rows.map(row => row.name).join(',')}\``
}

function namesOf(rows: readonly BackgroundMigration[]): string {
  return rows.map(row => row.name).join(', ')
}
