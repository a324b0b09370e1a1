import type { Step } from '../plan/plan.ts'
import type { Check } from './check.ts'
import type { CheckId, CheckResult } from './run.ts'

type Part = Check['about'][number]

/** What the checks after a change say of that change. Only `worse` is a reason to undo it. */
export type Comparison = {
  /** Failed now, good before, and about a part that was changed. */
  readonly worse: readonly CheckResult[]
  /** Failed now, but not for what was changed, or not known before; or what every rollout must bring about. */
  readonly other: readonly CheckResult[]
  /** Inconclusive now, but not before. */
  readonly unseen: readonly CheckResult[]
  /** As bad before. */
  readonly old: readonly CheckResult[]
}

export type Compared = {
  /** undefined: they did not run. */
  readonly before: readonly CheckResult[]
  readonly after: readonly CheckResult[]
  readonly changed: ReadonlySet<Part>
  /** A rollback repairs: what it changed must be good afterwards, whatever it was before. */
  readonly repairs: boolean
}

export function compare({ before, after, changed, repairs }: Compared): Comparison {
  const was = new Map(before.map(({ id, state }) => [id, state]))
  const kindOf = ({ id, state, about }: CheckResult): keyof Comparison | undefined => {
    const touched = about.some(part => changed.has(part))
    const wasBad = was.get(id) === 'failed' || was.get(id) === 'inconclusive'
    if (state === 'inconclusive') return wasBad ? 'old' : 'unseen'
    if (state !== 'failed') return undefined
    if (!wasBad) return touched ? 'worse' : 'other'
    if (was.get(id) === 'inconclusive' || MUST.has(id) || (repairs && touched)) return 'other'
    return 'old'
  }
  const of = (kind: keyof Comparison) => after.filter(result => kindOf(result) === kind)
  return { worse: of('worse'), other: of('other'), unseen: of('unseen'), old: of('old') }
}

/** A rollout succeeded only if these hold, even if they did not before. */
export const MUST: ReadonlySet<CheckId> = new Set([
  'web-steady',
  'worker-steady',
  'clickhouse-steady',
  'one-release',
  'web-health',
])

/** The parts of the diagram that steps change. ClickHouse's restart also concerns its name and its files. */
export function changedParts(steps: readonly Step[]): ReadonlySet<Part> {
  return new Set(steps.flatMap(partsOf))
}

function partsOf(step: Step): readonly Part[] {
  switch (step.kind) {
    case 'migrate':
    case 'keep-data':
    case 'undo-schema':
      return ['postgres', 'clickhouse']
    case 'roll-ecs':
    case 'set-deployment-settings':
      return step.component === 'clickhouse' ? ['clickhouse', 'cloud-map', 'efs'] : [step.component]
    case 'roll-app-runner':
      return ['web']
    case 'rerun-background-migrations':
      return ['postgres', 'worker']
    default:
      return []
  }
}
