import { afterEach, expect, test } from '@jest/globals'
import { type CanaryStage, canaryIn, openCanaryStage } from './canary-support.ts'

/** Releases and write modes: each takes a trace in another way, or has none that can be taken back. */
let on: CanaryStage | undefined

afterEach(async () => {
  await on?.stop()
  on = undefined
})

test.each([
  ['3.39.0', undefined, 'passed', /^A trace with an observation and a score was read back/],
  ['4.16.0', undefined, 'passed', /^A span sent by OTLP .*Mode `events_only` accepts only OTLP/],
  ['4.16.0', 'dual', 'passed', /^A trace with an observation and a score was read back/],
  ['3.0.0', undefined, 'skipped', /3\.0\.0 has no API to delete a trace/],
  ['2.93.7', undefined, 'skipped', /2\.93\.7 writes only to PostgreSQL/],
] as const)('%s in mode %s: %s', async (release, mode, state, sentence) => {
  on = await openCanaryStage(release, mode)
  const seen = canaryIn(await on.verify({ checks: 'public' }))
  expect(seen?.state).toBe(state)
  expect(seen?.sentence).toMatch(sentence)
  if (state === 'passed') expect(await on.rowsLeft()).toBe(0)
})
