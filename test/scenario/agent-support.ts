import { expect } from '@jest/globals'
import type { TaskFault } from '../../sandbox/aws/ecs/task-faults.ts'
import type { Task } from '../../sandbox/aws/ecs/types.ts'
import type { Stage, StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import type { CheckId } from '../../src/checks/run.ts'

/** What the scenarios of the agent have in common. */
export const OUTSIDE = {
  network: 'task',
  'database-url': '',
  'clickhouse-url': '',
  'clickhouse-password': '',
}
/** No place in the VPC. */
export const HOSTED = { SANDBOX_VPC: '' }
/** The one that mounts ClickHouse's volume. */
export const MOUNT_FAMILY = 'clickhouse-agent'
export const FAMILY = 'langfuse-worker-agent'

export function verifyOutside(
  stage: Stage,
  inputs: Readonly<Record<string, string>> = {},
  options: StageRun = {},
): Promise<RunResult> {
  return stage.run('verify', { ...OUTSIDE, ...inputs }, { env: HOSTED, ...options })
}

type Seen = {
  readonly id: CheckId
  readonly group: string
  readonly state: string
  readonly sentence: string
}

export function checksOf(result: RunResult, group?: string): readonly Seen[] {
  const { checks } = result.report as { checks: readonly Seen[] }
  return checks.filter(check => group === undefined || check.group === group)
}

export function agentsOf({ stack }: Stage, families: readonly string[] = [FAMILY]): readonly Task[] {
  const tasks = stack.sandbox.world.ecs.clusters.get('langfuse')?.tasks.values() ?? []
  return [...tasks].filter(task => families.includes(task.taskDefinition.family))
}

/** How many were started: ECS forgets those that have stopped. */
export function agentRuns({ stack }: Stage): number {
  return stack.sandbox.requests.filter(
    ({ operation, input }) => operation === 'RunTask' && JSON.stringify(input).includes(`/${FAMILY}:`),
  ).length
}

/** No definition that could be run, and no task that still runs. */
export async function nothingIsLeft(stage: Stage): Promise<void> {
  const { families } = stage.stack.sandbox.world.ecs
  const both = [FAMILY, MOUNT_FAMILY]
  const revisions = both.flatMap(family => families.get(family) ?? [])
  expect(revisions.filter(revision => revision.status === 'ACTIVE')).toEqual([])
  const until = Date.now() + 20_000
  const left = () => agentsOf(stage, both).filter(task => task.lastStatus !== 'STOPPED')
  while (left().length > 0 && Date.now() < until) await new Promise(done => setTimeout(done, 100))
  expect(left()).toEqual([])
}

export type Broken = readonly [what: string, fault: Omit<TaskFault, 'family'>, sentence: RegExp]

/** Verifies side by side, each with an agent that meets one of the faults: inconclusive with the reason, never passed. */
export async function expectNeverPassed(stage: Stage, broken: readonly Broken[]): Promise<void> {
  const runs: Promise<RunResult>[] = []
  for (const [, fault] of broken) {
    stage.stack.sandbox.world.taskFaults.add({ family: FAMILY, ...fault })
    const before = new Set(agentsOf(stage))
    runs.push(verifyOutside(stage))
    // The next run may only start its agent when this one's has met its fault.
    const isUnderWay = () =>
      agentsOf(stage).some(task => !before.has(task) && task.lastStatus !== 'PROVISIONING')
    while (!isUnderWay()) await new Promise(done => setTimeout(done, 20))
  }
  const results = await Promise.all(runs)
  for (const [index, [what, , sentence]] of broken.entries()) {
    const result = results[index]
    if (result === undefined) throw new Error(`no result of ${what}`)
    expect(result.outputs).toMatchObject({ outcome: 'inconclusive', failed: '0' })
    expect(result.exitCode).toBe(1)
    // The other agent, which mounts, met no fault.
    const inside = checksOf(result, 'inside').filter(({ id }) => id !== 'efs-mounted')
    expect(inside.map(check => check.state)).toEqual(inside.map(() => 'inconclusive'))
    expect(inside[0]?.sentence).toMatch(/^the databases were not seen, because /)
    expect(inside[0]?.sentence).toMatch(sentence)
    expect(result.summary).toMatch(sentence)
  }
  await nothingIsLeft(stage)
}
