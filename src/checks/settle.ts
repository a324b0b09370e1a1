import { explain } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { Clock } from '../ports/runner.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { type Release, releaseOf } from '../release/release.ts'
import { observe, quickSources, type Sources } from '../stack/observe.ts'
import type { Stack } from '../stack/stack.ts'
import type { CheckResult } from './run.ts'
import { runChecks, SETTLING, verdictOf } from './run.ts'

export type Settled = {
  /** undefined: the stack could not be observed. */
  readonly stack: Stack | undefined
  readonly checks: readonly CheckResult[]
  /** Why it could not be observed. */
  readonly problem: string | undefined
}

/** AWS answers lag behind changes: Cloud Map by half a minute, DescribeServices by seconds. */
const SETTLE_MS = 60_000
const PAUSE_MS = 3_000

/** Observes the stack after a change and runs the settling checks; with `untilSettled` it repeats until they pass. */
export async function settleChecks(
  subject: {
    readonly config: StackConfig
    readonly connections: Sources
    readonly facts: ReleaseFacts
    readonly expected: Release | undefined
  },
  time: {
    readonly clock: Clock
    readonly deadline: number
    readonly signal: AbortSignal
    readonly untilSettled: boolean
  },
): Promise<Settled> {
  const until = Math.min(time.clock.now() + SETTLE_MS, time.deadline)
  const quick = { ...subject, connections: quickSources(subject.connections) }
  for (;;) {
    const settled = await observeOnce(quick)
    const again =
      time.untilSettled && !isFinal(settled.checks) && time.clock.now() < until && !time.signal.aborted
    if (!again)
      return subject.connections.probeIsExpensive ? alsoProbeInside(subject, time, settled) : settled
    await time.clock.sleep(PAUSE_MS, time.signal).catch(() => undefined)
  }
}

/** Each probe starts a task: one probe after the settling, and a second one only if the first finds a problem. */
async function alsoProbeInside(
  subject: Parameters<typeof settleChecks>[0],
  { signal, untilSettled, clock, deadline }: Parameters<typeof settleChecks>[1],
  outside: Settled,
): Promise<Settled> {
  if (signal.aborted) return outside
  const settled = await observeOnce(subject)
  const again = untilSettled && isFinal(outside.checks) && !isFinal(settled.checks)
  return again && clock.now() < deadline && !signal.aborted ? observeOnce(subject) : settled
}

async function observeOnce({
  config,
  connections,
  facts,
  expected,
}: Parameters<typeof settleChecks>[0]): Promise<Settled> {
  try {
    const stack = await observe(config, connections)
    const wanted = expected ?? releaseOf(stack.web.image.version)
    const checks = await runChecks(SETTLING, {
      stack,
      expected: wanted,
      facts,
    })
    return { stack, checks, problem: undefined }
  } catch (error) {
    return { stack: undefined, checks: [], problem: explain(error) }
  }
}

/** Whether a change succeeded: nothing failed, and no required evidence is missing. */
export function isFinal(checks: readonly CheckResult[]): boolean {
  return verdictOf(checks, 'failed') === 'passed'
}
