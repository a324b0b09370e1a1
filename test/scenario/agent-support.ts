import { brotliDecompressSync } from 'node:zlib'
import { expect } from '@jest/globals'
import type { TaskFault } from '../../sandbox/aws/ecs/task-faults.ts'
import type { Task } from '../../sandbox/aws/ecs/types.ts'
import type { RequestEvent } from '../../sandbox/aws/hooks.ts'
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

type Job = { readonly kind: string; readonly steps?: readonly { readonly phase?: string }[] }

/** What an agent is started for, when its task definition is registered. */
export function jobIn({ operation, input }: Pick<RequestEvent, 'operation' | 'input'>): Job | undefined {
  const text = operation === 'RegisterTaskDefinition' ? JSON.stringify(input) : ''
  const payload = /"name":"LANGFUSE_ROLLOUT_AGENT","value":"([^"]+)"/.exec(text)?.[1]
  if (payload === undefined) return undefined
  const { spec } = JSON.parse(brotliDecompressSync(Buffer.from(payload, 'base64')).toString()) as {
    readonly spec: { readonly job: Job }
  }
  return spec.job
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
  const until = Date.now() + 60_000
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
  // Runs side by side may swap their faults, so each fault has to be in one of the results.
  // The other agent, which mounts, met no fault.
  const seen = results.map(result => checksOf(result, 'inside').filter(({ id }) => id !== 'efs-mounted'))
  const sentences = seen.map(([first]) => first?.sentence ?? '')
  for (const [what, , sentence] of broken)
    expect({ what, sentences }).toMatchObject({
      sentences: expect.arrayContaining([expect.stringMatching(sentence)]),
    })
  for (const [index, result] of results.entries()) {
    expect(result.outputs).toMatchObject({ outcome: 'inconclusive', failed: '0' })
    expect(result.exitCode).toBe(1)
    const inside = seen[index] ?? []
    expect(inside.map(check => check.state)).toEqual(inside.map(() => 'inconclusive'))
    expect(sentences[index]).toMatch(/^The databases were not observed, because /)
    expect(broken.some(([, , sentence]) => sentence.test(result.summary))).toBe(true)
  }
  await nothingIsLeft(stage)
}

/** Where the role may not do one of the things that an agent takes. */
export async function expectDenied(stage: Stage, operation: string, permission: string): Promise<void> {
  const { faults } = stage.stack.sandbox.world
  faults.add({ operation, kind: 'access-denied', times: Number.POSITIVE_INFINITY })
  const reason = new RegExp(
    `[Tt]he databases were not observed, because AWS denied ${permission}.*; grant ${permission}`,
  )

  const asked = await verifyOutside(stage)
  expect(asked.outputs).toMatchObject({ outcome: 'inconclusive' })
  expect(asked.summary).toMatch(reason)

  const automatic = await verifyOutside(stage, { network: 'auto' })
  expect(automatic.outputs['outcome']).toBe('passed')
  const inside = checksOf(automatic, 'inside')
  expect(inside.map(({ state }) => state)).toEqual(inside.map(() => 'skipped'))
  expect((automatic.report as { warnings: string[] }).warnings.join()).toMatch(reason)

  const deploy = await stage.run('deploy', { ...OUTSIDE, version: '3.0.0' }, { env: HOSTED })
  expect(deploy.outputs).toMatchObject({ outcome: 'refused' })
  expect((deploy.report as { problems: string[] }).problems.join()).toMatch(new RegExp(reason.source, 'i'))

  const planned = await stage.run(
    'deploy',
    { ...OUTSIDE, network: 'auto', version: '3.0.0', 'dry-run': 'true', backup: 'false' },
    { env: HOSTED },
  )
  expect(planned.outputs).toMatchObject({ outcome: 'planned' })
  expect((planned.report as { warnings: string[] }).warnings).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /The state of PostgreSQL was not checked: the databases were not observed, because AWS denied/,
      ),
      'This run cannot reach PostgreSQL and ClickHouse, so it cannot run the checks inside the VPC or undo the migrations if the deploy fails.',
    ]),
  )
  await nothingIsLeft(stage)
}
