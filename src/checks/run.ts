import { explain, RolloutError } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { Clock } from '../ports/runner.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import { observe, probeAgain, quickSources, type Sources } from '../stack/observe.ts'
import { imageRelease, type Stack } from '../stack/stack.ts'
import { BACKUP_CHECKS } from './backups.ts'
import { canary } from './canary-checks.ts'
import { type Check, type CheckState, type Finding, inconclusive, type Subject } from './check.ts'
import { clickhouseName, cloudMap, cloudMapSettings } from './cloud-map-checks.ts'
import { type Compared, type Comparison, compare, MUST } from './compare.ts'
import { clickhouseDisk, DATABASE_CHECKS } from './database-checks.ts'
import { databaseIdentity } from './database-identity.ts'
import { drift } from './drift-check.ts'
import { ENVIRONMENT_CHECKS } from './environment.ts'
import { MOUNT_CHECKS } from './mount.ts'
import { NETWORK_CHECKS } from './network-checks.ts'
import { REGISTRY_CHECKS } from './registry-checks.ts'
import {
  clickhouseSingleWriter,
  clickhouseSteady,
  oneRelease,
  RELEASE_CHECKS,
  webHealthCheck,
  webSteady,
  workerHealth,
  workerSteady,
} from './services.ts'
import { SETTINGS_CHECKS } from './settings.ts'
import { efs, STORAGE_CHECKS } from './storage-checks.ts'
import { backgroundMigrations, clickhousePing, clickhouseSchema, postgresMigrations } from './store-checks.ts'
import { valkey } from './valkey-checks.ts'
import { webHealth, webVersion } from './web.ts'

const TABLE = [
  webSteady,
  workerSteady,
  clickhouseSteady,
  clickhouseSingleWriter,
  oneRelease,
  webHealthCheck,
  ...SETTINGS_CHECKS,
  ...RELEASE_CHECKS,
  ...ENVIRONMENT_CHECKS,
  ...REGISTRY_CHECKS,
  ...BACKUP_CHECKS,
  cloudMap,
  cloudMapSettings,
  efs,
  ...STORAGE_CHECKS,
  ...MOUNT_CHECKS,
  ...NETWORK_CHECKS,
  webHealth,
  webVersion,
  canary,
  databaseIdentity,
  clickhousePing,
  clickhouseSchema,
  postgresMigrations,
  backgroundMigrations,
  clickhouseName,
  clickhouseDisk,
  valkey,
  workerHealth,
  ...DATABASE_CHECKS,
  drift,
] as const

/** Derived from the table, so the compiler checks every reference to a check. */
export type CheckId = (typeof TABLE)[number]['id']

export type CheckResult = Finding & Omit<Check<CheckId>, 'run' | 'needs' | 'settles'>

export const CHECKS: readonly Check<CheckId>[] = TABLE

/** Those that a rollout must pass. */
const SETTLING: readonly Check<CheckId>[] = CHECKS.filter(check => check.settles)

/** The checks with these names or groups; throws on an unknown name. */
export function chooseChecks(names: readonly string[]): readonly Check<CheckId>[] {
  if (names.length === 0 || names.includes('all')) return CHECKS
  const unknown = names.filter(name => !CHECKS.some(check => check.id === name || check.group === name))
  if (unknown.length > 0) {
    const known = [...new Set(CHECKS.flatMap(check => [check.group, check.id]))].join(', ')
    throw new RolloutError(
      `Input \`checks\` contains \`${unknown.join(', ')}\`, which is not a check or a group. Use \`all\`, or names from ${known}.`,
    )
  }
  return CHECKS.filter(check => names.includes(check.id) || names.includes(check.group))
}

/** Runs the checks in parallel. A check that throws is inconclusive. */
export async function runChecks(
  checks: readonly Check<CheckId>[],
  subject: Subject,
): Promise<readonly CheckResult[]> {
  return Promise.all(
    checks.map(async ({ run, needs: _needs, settles: _settles, ...check }) => {
      try {
        return { ...check, ...(await run(subject)) }
      } catch (error) {
        return { ...check, ...inconclusive(`Internal error in this check: ${explain(error)}`) }
      }
    }),
  )
}

type Verdict = 'passed' | 'failed' | 'inconclusive'

/** Passes only if at least one check passed or warned. */
export function verdictOf(results: readonly CheckResult[], failOn: 'failed' | 'warning'): Verdict {
  const has = (state: CheckState) => results.some(result => result.state === state)
  if (has('failed') || (failOn === 'warning' && has('warning'))) return 'failed'
  if (has('inconclusive') || !(has('passed') || has('warning'))) return 'inconclusive'
  return 'passed'
}

export function countOf(results: readonly CheckResult[], state: CheckState): number {
  return results.filter(result => result.state === state).length
}

/** `3 passed, 1 failed, …` */
export function countsOf(results: readonly CheckResult[]): string {
  const states = ['passed', 'failed', 'warning', 'inconclusive', 'skipped'] as const
  return states
    .map(state => {
      const count = countOf(results, state)
      return `${count} ${state === 'warning' && count !== 1 ? 'warnings' : state}`
    })
    .join(', ')
}

export type Settled = {
  /** undefined: the stack could not be observed. */
  readonly stack: Stack | undefined
  readonly checks: readonly CheckResult[]
  /** Why it could not be observed. */
  readonly problem: string | undefined
  readonly comparison: Comparison
}

/** What was observed before a change, and how the settling checks evaluate it. */
export type Before = { readonly stack: Stack; readonly checks: readonly CheckResult[] }

export async function evaluateBefore(
  stack: Stack,
  expected: Release | undefined,
  facts: ReleaseFacts,
): Promise<Before> {
  return { stack, checks: await runChecks(SETTLING, { stack, expected, facts }) }
}

/**
 * What every complete rollout must bring about, whatever was before. Where something else answers at the URL, the
 * platform's own evidence counts, as during a deploy; where nothing answers, the web may hang.
 */
export async function completeChecks(
  stack: Stack,
  expected: Release | undefined,
  facts: ReleaseFacts,
): Promise<readonly CheckResult[]> {
  const { health } = stack
  const before = !health.known && health.because === 'unreachable' ? undefined : stack
  const must = SETTLING.filter(({ id }) => MUST.has(id))
  return runChecks(must, { stack, before, expected, facts })
}

/** Checks whose findings a change did not cause: as bad before it, or about parts that it does not change. */
export function unrelatedChecks({ checks }: Before, changed: Compared['changed']): readonly CheckId[] {
  const isBad = ({ state }: CheckResult) => state !== 'passed' && state !== 'skipped'
  return checks
    .filter(check => isBad(check) || !check.about.some(part => changed.has(part)))
    .map(({ id }) => id)
}

/** Findings of a later verify that are a reason to go back: of the set-up none is. */
export function regressionsIn(
  results: readonly CheckResult[],
  { failOn, unrelated }: { readonly failOn: 'failed' | 'warning'; readonly unrelated: readonly string[] },
): readonly CheckId[] {
  const may = new Set<CheckId>([...SETTLING.map(({ id }) => id), canary.id])
  return results
    .filter(({ state }) => state === 'failed' || (failOn === 'warning' && state === 'warning'))
    .filter(({ id, about }) => may.has(id) && about.length > 0 && !unrelated.includes(id))
    .map(({ id }) => id)
}

/** AWS answers lag behind changes: Cloud Map by half a minute, DescribeServices by seconds. */
const SETTLE_MS = 60_000
const PAUSE_MS = 3_000

/** Observes the stack after a change and runs the settling checks; with `untilSettled` it repeats until they pass. */
export async function settleChecks(subject: Settling, time: Time): Promise<Settled> {
  const until = Math.min(time.clock.now() + SETTLE_MS, time.deadline)
  const quick = { ...subject, connections: quickSources(subject.connections) }
  for (;;) {
    const settled = await observeOnce(quick)
    const again = time.untilSettled && !isAtRest(settled) && time.clock.now() < until && !time.signal.aborted
    if (!again)
      return subject.connections.probeIsExpensive ? alsoProbeInside(subject, time, settled) : settled
    await time.clock.sleep(PAUSE_MS, time.signal).catch(() => undefined)
  }
}

type Settling = {
  readonly config: StackConfig
  readonly connections: Sources
  readonly facts: ReleaseFacts
  readonly expected: Release | undefined
  readonly before: Before
} & Pick<Compared, 'changed' | 'repairs'>

type Time = {
  readonly clock: Clock
  readonly deadline: number
  readonly signal: AbortSignal
  readonly untilSettled: boolean
}

/** Each probe starts a task: one probe after the settling, and a second one only if the first finds a problem. */
async function alsoProbeInside(subject: Settling, time: Time, outside: Settled): Promise<Settled> {
  const { signal, untilSettled, clock, deadline } = time
  if (signal.aborted) return outside
  const { stack } = outside
  const settled = await observeOnce(
    subject,
    stack === undefined ? undefined : () => probeAgain(stack, subject.connections),
  )
  const again = untilSettled && isGood(outside) && !isGood(settled)
  return again && clock.now() < deadline && !signal.aborted ? observeOnce(subject) : settled
}

async function observeOnce(
  { config, connections, facts, expected, before, ...rest }: Settling,
  observation = () => observe(config, connections),
): Promise<Settled> {
  const of = (checks: readonly CheckResult[]) => compare({ before: before.checks, after: checks, ...rest })
  try {
    const stack = await observation()
    const release = expected ?? imageRelease(stack.web.image, facts)
    const checks = await runChecks(SETTLING, { stack, before: before.stack, expected: release, facts })
    return { stack, checks, problem: undefined, comparison: of(checks) }
  } catch (error) {
    return { stack: undefined, checks: [], problem: explain(error), comparison: of([]) }
  }
}

/** Whether a change succeeded: nothing failed that was good before, and no required evidence is missing. */
export function isGood({ checks, comparison: { worse, other, unseen } }: Settled): boolean {
  const some = countOf(checks, 'passed') + countOf(checks, 'warning') > 0
  return some && worse.length + other.length + unseen.length === 0
}

/** Also what was bad before may still be changing, as far as AWS shows it. */
function isAtRest(settled: Settled): boolean {
  return isGood(settled) && settled.comparison.old.every(({ group }) => group === 'inside')
}
