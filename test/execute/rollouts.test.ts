import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type ControlPlane, type FakeRollout, startControlPlane } from '../support/control-plane.ts'
import { jumpingClock } from '../support/execution.ts'

let plane: ControlPlane

beforeAll(async () => {
  plane = await startControlPlane()
})

afterAll(() => plane?.stop())

const START = Date.UTC(2026, 10, 22)

/** Time passes only while the action pauses, so the result does not depend on the machine. */
function measure(rollout: FakeRollout, random = 0.5) {
  return plane.measure(rollout, { ...jumpingClock(START), random: () => random })
}

const success = (platform: FakeRollout['platform'], over: Partial<FakeRollout> = {}): FakeRollout => ({
  platform,
  seconds: 20,
  ending: 'success',
  ...over,
})

const PLATFORMS = ['ECS', 'ECS Express', 'App Runner'] as const
const ENDINGS = ['success', 'rollback', 'failure'] as const

test.each(PLATFORMS.flatMap(platform => ENDINGS.map(ending => [platform, ending] as const)))(
  '%s, %s: the end is seen within three seconds of any duration, at one call every two seconds',
  async (platform, ending) => {
    for (const seconds of ending === 'success' ? [20, 47.7, 180.4] : [20, 47.7])
      for (const stages of seconds > 100 ? [true] : [true, false]) {
        const seen = await measure({ platform, ending, seconds, stages }, stages ? 0 : 0.999)
        expect(seen.problem === undefined).toBe(ending === 'success')
        expect(seen.late).toBeGreaterThanOrEqual(0)
        expect(seen.late).toBeLessThan(3)
        // The calls around the rollout are no polls: register, update, tasks or log.
        expect(seen.calls.length - 7).toBeLessThanOrEqual(seen.took / 2)
      }
  },
)

test.each(PLATFORMS)(
  '%s: evidence that comes after the end is seen within three seconds too',
  async platform => {
    for (const evidenceAfter of [1, 9, 25, 70]) {
      const seen = await measure(success(platform, { evidenceAfter }))
      expect(seen.problem).toBeUndefined()
      expect(seen.sentence).not.toMatch(/could not verify/)
      expect(seen.late - evidenceAfter).toBeGreaterThanOrEqual(0)
      expect(seen.late - evidenceAfter).toBeLessThan(3)
    }
  },
)

test('a service deployment that is early or late decides nothing', async () => {
  for (const detail of ['SUCCESSFUL', 'IN_PROGRESS']) {
    const seen = await measure(success('ECS', { detail }))
    expect(seen.problem).toBeUndefined()
    expect(seen.late).toBeGreaterThanOrEqual(0)
    expect(seen.late).toBeLessThan(3)
  }
})

test('an image that App Runner never shows is no success', async () => {
  const seen = await measure(success('App Runner', { evidenceAfter: 3_600 }))
  expect(seen.problem).toMatch(/operation ours succeeded, but the service has image the old image/)
})

test('a digest that ECS never reports is told, and neither passed nor failed', async () => {
  const seen = await measure(success('ECS', { evidenceAfter: 3_600 }))
  expect(seen.sentence).toMatch(/ECS reports no digest of a task, expected .* could not verify its image/)
})

test('a task of the old task definition says nothing about the new one', async () => {
  const seen = await measure(success('ECS', { leftover: true }))
  expect(seen.sentence).toMatch(/^runs .* \(deployment ecs-svc\/2\)$/)
})

test('a PRIMARY deployment on the old task definition is no success, however steady it is', async () => {
  const seen = await measure(success('ECS', { unchanged: true }))
  expect(seen.problem).toMatch(
    /did not roll out: deployment ecs-svc\/2 .* has task definition .*:1 instead of/,
  )
})

test('a task definition that ECS does not know yet is tried again', async () => {
  const seen = await measure(success('ECS', { unknown: 2 }))
  expect(seen.problem).toBeUndefined()
  expect(seen.calls.filter(call => call === 'UpdateService')).toHaveLength(3)
})
