import type { RunResult } from '../../sandbox/runner.ts'
import type { CheckId } from '../../src/checks/run.ts'
import type { Expected, Fault, StageName } from './fault.ts'
import { type OpenFaultStage, openFaultStage } from './stage.ts'

/**
 * Puts each fault into a healthy stack, lets the built verify look, and takes it out again. A row is good when just
 * the checks it names are not what they were on the healthy stack, and each says what it has to say.
 */
export async function runFaults(rows: readonly TableRow[], options: RunOptions): Promise<Table> {
  const stages: HealthyStage[] = []
  const results: RowResult[] = []
  for (const name of new Set(rows.map(stageOf))) {
    const own = rows.filter(row => stageOf(row) === name)
    const outcome = await onStage(name, own, options)
    stages.push(outcome.healthy)
    results.push(...outcome.results)
  }
  return { stages, rows: results.sort((left, right) => left.number - right.number) }
}

export type TableRow = { readonly number: number; readonly area: string; readonly fault: Fault }

export type RunOptions = {
  readonly folder: string
  readonly log: (line: string) => void
  readonly onRow?: (row: RowResult) => void
  /** Looks after each fault whether the stage is healthy again; else only after a bad row and at the end. */
  readonly careful?: boolean
}

export type Table = { readonly stages: readonly HealthyStage[]; readonly rows: readonly RowResult[] }

export type RowResult = TableRow & {
  /** What is wrong with the row; none: it is good. */
  readonly problems: readonly string[]
  /** The checks that are not what they were. */
  readonly changed: readonly Seen[]
  /** The job summary of the look. */
  readonly summary: string
  readonly milliseconds: number
}

export type HealthyStage = {
  readonly name: StageName
  /** Checks that did not pass on the stack before any fault, or after the last. */
  readonly problems: readonly string[]
  readonly skipped: readonly Seen[]
  readonly passed: number
}

export type Seen = {
  readonly id: CheckId
  readonly state: 'passed' | 'failed' | 'warning' | 'inconclusive' | 'skipped'
  readonly sentence: string
}

const stageOf = ({ fault }: TableRow): StageName => fault.on ?? 'article'

async function onStage(
  name: StageName,
  rows: readonly TableRow[],
  options: RunOptions,
): Promise<{ readonly healthy: HealthyStage; readonly results: readonly RowResult[] }> {
  const stage = await openFaultStage(name, options)
  try {
    const baselines = await baselinesOf(rows, stage)
    const problems = [...baselines.values()].flatMap(baseline => unhealthyIn(name, baseline))
    const results: RowResult[] = []
    for (const row of rows) {
      const result = await runRow(row, stage, { baselines, careful: options.careful === true })
      options.onRow?.(result)
      results.push(result)
    }
    const after = changesIn(baselines.get('') ?? [], checksOf(await stage.verify()))
    const direct = baselines.get('') ?? []
    const healthy = {
      name,
      problems: [...problems, ...after.map(seen => `after all faults ${sentenceOf(seen)}`)],
      skipped: direct.filter(check => check.state === 'skipped'),
      passed: direct.filter(check => check.state === 'passed').length,
    }
    return { healthy, results }
  } finally {
    await stage.stop()
  }
}

/** What verify says of the healthy stack, with the inputs of each fault. */
async function baselinesOf(rows: readonly TableRow[], stage: OpenFaultStage): Promise<Baselines> {
  const inputs = new Map(rows.map(({ fault }) => [keyOf(fault), fault.inputs ?? {}]))
  const baselines = new Map([['', checksOf(await stage.verify())]])
  for (const [key, given] of inputs) {
    if (!baselines.has(key)) baselines.set(key, checksOf(await stage.verify(given)))
  }
  return baselines
}

type Baselines = ReadonlyMap<string, readonly Seen[]>

const keyOf = ({ inputs }: Fault) => (inputs === undefined ? '' : JSON.stringify(inputs))

/** The article's stack as its module leaves it is not healthy, and is what some faults are compared with. */
function unhealthyIn(name: StageName, checks: readonly Seen[]): readonly string[] {
  if (checks.length === 0) return ['verify ran no check on the healthy stack']
  if (name === 'module') return []
  return checks.filter(({ state }) => state !== 'passed' && state !== 'skipped').map(sentenceOf)
}

async function runRow(
  row: TableRow,
  stage: OpenFaultStage,
  { baselines, careful }: { readonly baselines: Baselines; readonly careful: boolean },
): Promise<RowResult> {
  const started = performance.now()
  const baseline = baselines.get(keyOf(row.fault)) ?? []
  const { changed, problems, summary } = await lookAt(row.fault, stage, baseline)
  const rest = await stage.atRest().then(
    () => [],
    error => [String(error)],
  )
  const left =
    careful || problems.length + rest.length > 0
      ? changesIn(baselines.get('') ?? [], checksOf(await stage.verify())).map(
          seen => `it is not taken out: ${sentenceOf(seen)}`,
        )
      : []
  return {
    ...row,
    changed,
    problems: [...problems, ...rest, ...left],
    summary,
    milliseconds: performance.now() - started,
  }
}

async function lookAt(
  fault: Fault,
  stage: OpenFaultStage,
  baseline: readonly Seen[],
): Promise<Pick<RowResult, 'changed' | 'problems' | 'summary'>> {
  let takeOut: (() => Promise<void>) | undefined
  try {
    takeOut = await fault.put(stage)
    const result = await stage.verify(fault.inputs)
    const checks = checksOf(result)
    const { summary } = result
    if (checks.length === 0) return { changed: [], problems: [`verify ran no check: ${summary}`], summary }
    const changed = changesIn(baseline, checks)
    return { changed, problems: problemsOf(fault, changed), summary }
  } catch (error) {
    return { changed: [], summary: '', problems: [error instanceof Error ? error.message : String(error)] }
  } finally {
    await takeOut?.()
  }
}

function checksOf(result: RunResult): readonly Seen[] {
  const { checks = [] } = (result.report ?? {}) as { readonly checks?: readonly Seen[] }
  return checks
}

function changesIn(baseline: readonly Seen[], checks: readonly Seen[]): readonly Seen[] {
  const states = new Map(baseline.map(check => [check.id, check.state]))
  return checks.filter(check => states.get(check.id) !== check.state)
}

function problemsOf({ expects, also = [] }: Fault, changed: readonly Seen[]): readonly string[] {
  const named = [...expects.map(expected => expected.check), ...also]
  return [
    ...expects.flatMap(expected => missesOf(expected, changed)),
    ...also.filter(id => !changed.some(check => check.id === id)).map(id => `${id} did not change`),
    ...changed.filter(({ id }) => !named.includes(id)).map(seen => `nobody expected ${sentenceOf(seen)}`),
  ]
}

function missesOf({ check, state, says }: Expected, changed: readonly Seen[]): readonly string[] {
  const seen = changed.find(({ id }) => id === check)
  if (seen === undefined) return [`${check} is what it was, not ${state}`]
  if (seen.state !== state) return [`${check} should be ${state}: ${sentenceOf(seen)}`]
  return says.test(seen.sentence) ? [] : [`${check} does not say ${says}: ${seen.sentence}`]
}

const sentenceOf = ({ id, state, sentence }: Seen) => `${id} ${state}: ${sentence}`
