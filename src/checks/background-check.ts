import type { ReleaseFacts } from '../release/facts.ts'
import { majorOf } from '../release/requirements.ts'
import { BACKGROUND_SWITCH, isDormant, runsNone } from '../stack/rules.ts'
import type { BackgroundMigration, Stack } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, inconclusive, passed, warning } from './check.ts'
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
        "PostgreSQL's table background_migrations is empty: the web's migrations did not run, or this is not Langfuse's database.",
      )
    return evaluate(groupsOf(rows, subject), subject.stack)
  },
} as const satisfies Check

/** https://github.com/langfuse/langfuse/issues/5859: the worker started before the web had migrated. */
function withoutTable({ expected, facts }: Subject): Finding {
  const wanted = expected === undefined ? [] : rowsOf(expected, facts)
  return wanted.length === 0
    ? inconclusive(
        "PostgreSQL has no table background_migrations: the web's migrations did not run, or this is not Langfuse's database.",
      )
    : failed(
        `PostgreSQL has no table background_migrations, which Langfuse ${expected} has ${wanted.length} rows in, so the worker logs that it does not exist and copies nothing: let the web run its migrations, then restart the worker.`,
      )
}

/**
 * `dormant`: behind a gate that the worker's environment does not open. `off`: this worker runs none at all.
 * `scriptless`: its image has no such script, and stops all of them. `stalled`: no worker is at any of them.
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
  // Of a release that is newer than the catalog the scripts are not known.
  if (script === undefined || release === undefined || release.readFrom !== undefined) return false
  return !rowsOf(release.version, facts).some(row => row.script === script)
}

/** The rows that a release's own migrations leave in a new database: those that its worker has scripts for. */
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
      `Background migration ${bad.map(withReason).join(', ')} failed: remove the cause, then ${rerun(bad)}.`,
    )
  }
  const scriptless = of('scriptless')
  if (scriptless.length > 0) {
    return failed(
      `Background migration ${namesOf(scriptless)} has no script in the worker's image (${worker.image.version}), so the worker stops with "Cannot find module" before all others: a newer release ran here. Bring web and worker to one release, or go back with the rollback action, which removes such rows.`,
    )
  }
  return open(of, worker.image.version ?? 'unknown')
}

function open(of: (state: State) => readonly BackgroundMigration[], version: string): Finding {
  const stalled = of('stalled')
  if (stalled.length > 0) {
    return warning(
      `Background migration ${namesOf(stalled)} is stalled: it has not finished, and no worker is at it. A worker looks for them only when it starts: if that is minutes ago, ${rerun(stalled)}, which restarts it; until then do not upgrade.`,
    )
  }
  const going = [...of('active'), ...of('queued')]
  if (going.length > 0) {
    const queued = of('queued').length > 0 ? `, and ${namesOf(of('queued'))} is queued behind it` : ''
    return warning(
      `Background migration ${namesOf(of('active'))} is running${queued}: do not upgrade again before it has finished.`,
    )
  }
  const off = of('off')
  if (off.length > 0 && version !== 'unknown' && majorOf(version) >= 3) {
    return warning(
      `Background migration ${namesOf(off)} has not finished, and the worker runs none (${BACKGROUND_SWITCH} is \`false\`): remove that variable once no traffic goes to v2 any more, or its data is never copied.`,
    )
  }
  const notes = [
    off.length > 0 ? `${off.length} wait for v3 (${namesOf(off)})` : '',
    of('dormant').length > 0 ? `${namesOf(of('dormant'))}: dormant` : '',
  ].filter(note => note !== '')
  const finished = of('finished').length
  return passed(
    `${[finished === 0 ? 'None is left to run' : `All ${finished} that this worker runs have finished`, ...notes].join('; ')}.`,
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
