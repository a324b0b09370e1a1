import { expect, test } from '@jest/globals'
import { differencesOf, drift, driftOf } from '../../src/checks/drift-check.ts'
import type { KeptBaseline, KeptRecord } from '../../src/ports/github.ts'
import { type Deployed, fingerprintOf, identityOf } from '../../src/stack/baseline.ts'
import { known, type Observed, type Stack, unknown } from '../../src/stack/stack.ts'
import { FACTS, stackOn2, stackOn3 } from '../support/stack.ts'

const LOCATION = 'GitHub environment langfuse of acme/infra'

function baselineOf(stack: Stack, id = '10'): KeptBaseline {
  const fingerprint = fingerprintOf(stack)
  return {
    id,
    baseline: { schema: 1, stack: identityOf(stack), release: '2.93.7', by: 'deploy', run: '5', fingerprint },
  }
}

function recordOf(state: string, to: string, id = '11'): KeptRecord {
  const images = { web: 'w', worker: 'w', clickhouse: 'c' }
  const record = { schema: 1 as const, from: '2.93.6', to, images, taskDefinitions: {}, run: '6' }
  return { id, state, run: '6', record: { ...record, postgresMigrations: 1, clickhouseHead: 1 } }
}

const deployed = (over: Partial<Deployed>): Observed<Deployed> =>
  known(
    { location: LOCATION, baseline: undefined, record: undefined, underway: undefined, ...over },
    LOCATION,
  )

async function finding(stack: Stack, evidence: Observed<Deployed> | undefined) {
  const subject = { stack, expected: undefined, facts: FACTS, ...(evidence && { deployed: evidence }) }
  return { ...(await drift.run(subject)), differences: differencesOf(driftOf(subject)).length }
}

const two = baselineOf(stackOn2())
const goingOn = { certain: true, sentence: 'Run 6 still goes on.' }

test.each<readonly [string, Stack, Observed<Deployed> | undefined, string, RegExp]>([
  ['nobody asked', stackOn2(), undefined, 'skipped', /`baseline` is `none`/],
  [
    'records that cannot be read',
    stackOn2(),
    unknown('denied: give it', 'no-evidence'),
    'inconclusive',
    /last deploy is unknown: denied: give it/,
  ],
  [
    'no record at all',
    stackOn2(),
    deployed({}),
    'inconclusive',
    /no deploy has recorded a baseline yet.*run the deploy action once/,
  ],
  [
    'the same',
    stackOn2(),
    deployed({ baseline: two }),
    'passed',
    /The stack matches what the deploy of workflow run 5 left/,
  ],
  [
    'another release',
    stackOn3(),
    deployed({ baseline: two }),
    'failed',
    /\d+ differences from the last deploy: .*and \d+ more/,
  ],
  [
    'a baseline of another stack',
    { ...stackOn2(), cluster: 'other' },
    deployed({ baseline: two }),
    'inconclusive',
    /belongs to another stack \(.*\): give each stack its own `environment`/,
  ],
  [
    'a deploy that goes on',
    stackOn3(),
    deployed({ baseline: two, underway: goingOn }),
    'skipped',
    /Run 6 still goes on/,
  ],
  [
    'a deploy that has begun and changed nothing',
    stackOn2(),
    deployed({ baseline: two, underway: goingOn }),
    'passed',
    /The stack matches what/,
  ],
  [
    'nobody can tell whether a deploy goes on',
    stackOn3(),
    deployed({ baseline: two, underway: { certain: false, sentence: 'Cannot be told.' } }),
    'inconclusive',
    /Cannot be told/,
  ],
  [
    'a deploy that failed after the baseline',
    stackOn3(),
    deployed({ baseline: two, record: recordOf('failure', '3.0.0') }),
    'failed',
    /The deploy of Langfuse 3\.0\.0 in workflow run 6 failed\. Revert the change/,
  ],
  [
    'a deploy that failed before the baseline has nothing to do with it',
    stackOn3(),
    deployed({ baseline: two, record: recordOf('failure', '3.0.0', '9') }),
    'failed',
    /more\. Revert the change/,
  ],
  [
    'a record from before there were baselines, and the release is the same',
    stackOn2(),
    deployed({ record: recordOf('success', '2.93.7') }),
    'inconclusive',
    /The release is still 2\.93\.7\. .*an older version of these actions/,
  ],
  [
    'a record from before there were baselines, and another release runs',
    stackOn3(),
    deployed({ record: recordOf('success', '2.93.7') }),
    'failed',
    /web release: `2\.93\.7` → `3\.0\.0`/,
  ],
  [
    'databases that nobody may look at',
    stackOn2({ postgres: unknown('no agent is allowed', 'not-asked') }),
    deployed({ baseline: two }),
    'passed',
    /Not compared: postgres \(no agent is allowed\)/,
  ],
  [
    'databases that should have answered',
    stackOn2({ postgres: unknown('Aurora did not answer', 'unreachable') }),
    deployed({ baseline: two }),
    'inconclusive',
    /Not compared: postgres \(Aurora did not answer\)/,
  ],
])('%s', async (_name, stack, evidence, state, sentence) => {
  const found = await finding(stack, evidence)
  expect(found).toMatchObject({ state, sentence: expect.stringMatching(sentence) })
  expect(found.differences > 0).toBe(state === 'failed')
})
