import { expect, test } from '@jest/globals'
import { followDeployment } from '../../src/execute/follow-ecs.ts'
import { ecsThatRolls, failing, ROLLOUT, succeeding, type Timeline } from '../support/ecs-rollout.ts'
import { executionOf } from '../support/execution.ts'

const STEP = { component: 'worker', service: 'worker' } as const

async function follow(timeline: Timeline, over: Parameters<typeof ecsThatRolls>[1] = {}) {
  const world = ecsThatRolls(timeline, over)
  const execution = executionOf([], world.cloud, { clock: world.clock })
  const problem = await followDeployment(STEP, ROLLOUT, execution).catch(String)
  return { problem, calls: world.calls, late: (world.calls.at(-1)?.second ?? 0) - timeline.end }
}

/** The same rollout seen by many runs, whose looks fall at other moments. */
async function often(make: (part: number) => Timeline, over: { denied?: boolean } = {}) {
  const runs = await Promise.all(
    Array.from({ length: 200 }, (_, run) => follow(make((run % 20) / 19), { ...over, random: chance(run) })),
  )
  const late = runs.map(run => run.late).sort((left, right) => left - right)
  return {
    problems: new Set(runs.map(run => run.problem?.replace(/ \(.*/, ''))),
    mean: late.reduce((sum, value) => sum + value, 0) / late.length,
    p95: late[Math.ceil(0.95 * late.length) - 1],
    most: Math.max(...runs.map(run => run.calls.length)),
  }
}

function chance(seed: number): () => number {
  let state = seed * 7_919 + 1
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

/** Beside the looks: register, update, and at the end two calls for the tasks; for a failure one more for the log. */
const LIMIT = { success: 40 - 4, failure: 40 - 5 } as const

test.each<readonly [string, (part: number) => Timeline]>([
  ['after a minute', part => succeeding({ runs: 30, healthy: 5, stopped: 10 + 20 * part })],
  [
    'after three minutes, most of them a health check',
    part => succeeding({ runs: 40, healthy: 130 - 20 * part, stopped: 8 + 22 * part }),
  ],
  [
    'after three minutes, most of them a large image',
    part => succeeding({ runs: 150, healthy: 0, stopped: 10 + 20 * part }),
  ],
])('a success %s is seen within three seconds, and costs at most 40 calls', async (_, timeline) => {
  for (const denied of [false, true]) {
    const seen = await often(timeline, { denied })
    expect(seen.problems).toEqual(new Set([undefined]))
    expect(seen.mean).toBeLessThan(1.5)
    expect(seen.p95).toBeLessThan(3)
    expect(seen.most).toBeLessThanOrEqual(LIMIT.success)
  }
})

test.each<readonly [string, (part: number) => Timeline]>([
  ['die soon after they run', part => failing({ age: 27 + 13 * part, running: 2 + 13 * part })],
  ['never run', part => failing({ age: 28 + 7 * part, running: 0 })],
])(
  'tasks that %s: the failure is seen within three seconds, and costs at most 40 calls',
  async (_, timeline) => {
    const seen = await often(timeline)
    expect([...seen.problems].join()).toMatch(/did not roll out: ECS/)
    expect(seen.mean).toBeLessThan(1.5)
    expect(seen.p95).toBeLessThan(3)
    expect(seen.most).toBeLessThanOrEqual(LIMIT.failure)
  },
)

test('while ECS says that the service deployment is under way, a look is one call', async () => {
  const { calls } = await follow(succeeding({ runs: 40, healthy: 40, stopped: 10 }))
  const first = calls.findIndex(call => call.operation === 'DescribeServiceDeployments')
  expect(calls.slice(0, first).map(call => call.operation)).toEqual(['DescribeServices'])
  expect(calls.slice(first, -1).every(call => call.operation === 'DescribeServiceDeployments')).toBe(true)
})

test('a service deployment that says SUCCESSFUL is no success before the service shows it', async () => {
  const real = succeeding({ runs: 30, healthy: 0, stopped: 30 })
  const world = ecsThatRolls(real)
  const ecs = { ...world.cloud.ecs }
  const detail = ecs.serviceDeployment
  const early = async (arn: string) => {
    const told = await detail?.(arn)
    return told && { ...told, status: 'SUCCESSFUL' }
  }
  const cloud = { ...world.cloud, ecs: { ...ecs, serviceDeployment: early } } as typeof world.cloud
  await followDeployment(STEP, ROLLOUT, executionOf([], cloud, { clock: world.clock }))
  expect(world.calls.at(-1)?.second).toBeGreaterThanOrEqual(real.end)
})

test('a service deployment that stays silent about the end does not hide what its service shows', async () => {
  const real = succeeding({ runs: 30, healthy: 0, stopped: 30 })
  const world = ecsThatRolls({ ...real, at: second => ({ ...real.at(second) }) })
  const { ecs } = world.cloud
  const stale = async (arn: string) => {
    const told = await ecs?.serviceDeployment(arn)
    return told && { ...told, status: 'IN_PROGRESS' }
  }
  const cloud = { ecs: { ...ecs, serviceDeployment: stale } } as typeof world.cloud
  await followDeployment(STEP, ROLLOUT, executionOf([], cloud, { clock: world.clock }))
  expect(world.calls.at(-1)?.second).toBeLessThan(real.end + 130)
})

test('an IAM policy without DescribeServiceDeployments is asked twice, not for ever', async () => {
  const { calls, problem } = await follow(succeeding({ runs: 40, healthy: 60, stopped: 10 }), {
    denied: true,
  })
  expect(problem).toBeUndefined()
  expect(calls.filter(call => call.operation === 'DescribeServiceDeployments')).toHaveLength(2)
})
