import { expect, test } from '@jest/globals'
import { nextAfterUndo, whatIsDone } from '../../src/entries/conclusions.ts'
import type { StepResult, StepState } from '../../src/execute/execution.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { conclude } from '../../src/report/conclusion.ts'
import { summaryOf } from '../../src/report/summary.ts'

function stepOf(component: 'worker' | 'web', state: StepState): StepResult {
  const step = {
    kind: 'roll-ecs',
    component,
    service: component,
    from: 'a',
    to: 'b',
    settings: undefined,
    follow: undefined,
    reason: 'r',
  } as const
  const counts = { postgres: 0, clickhouse: 0, archivedRows: 0 }
  return { step, state, sentence: `${component}: ${state}`, evidence: [], startedAt: 0, endedAt: 1, counts }
}

const NOTHING = { worse: [], other: [], unseen: [], old: [] }
const settled = { stack: undefined, checks: [], problem: 'the cluster is gone', comparison: NOTHING }
const WORKER = 'worker (ECS service worker)'
const WEB = 'web (ECS service web)'

test.each([
  [
    'before the first step',
    ['not-started', 'not-started'],
    `Cancelled before any change. Done: nothing. Still in progress: nothing. Not started: ${WORKER}, ${WEB}.`,
  ],
  [
    'between two steps',
    ['done', 'not-started'],
    `Cancelled between two steps. Done: ${WORKER}. Still in progress: nothing. Not started: ${WEB}.`,
  ],
  [
    'during a step',
    ['done', 'rolling'],
    `web: rolling. Done: ${WORKER}. Still in progress: nothing. Not started: nothing.`,
  ],
  [
    'after the last step',
    ['done', 'done'],
    `All steps are done, but the checks after them did not pass: the cluster is gone. Done: ${WORKER}, ${WEB}. Still in progress: nothing. Not started: nothing.`,
  ],
] as const)('a run that stops %s states the cause and what is done', (_when, [first, second], sentence) => {
  expect(whatIsDone([stepOf('worker', first), stepOf('web', second)], settled, 'nothing')).toBe(sentence)
})

test.each([
  ['deploy', 'refused', '### Why this was refused'],
  ['verify', 'inconclusive', '### Problems'],
] as const)('the summary of a %s that is %s lists its problems', (action, outcome, heading) => {
  const summary = summaryOf(
    conclude(action, outcome, 'Nothing was changed.', { problems: ['The disk is full.'] }),
  )
  expect(summary).toContain(`${heading}\n\n- The disk is full.`)
})

test.each([
  ['rollback', 'planned', true],
  ['rollback', 'failed', true],
  ['rollback', 'rolled-back', false],
  ['deploy', 'rolled-back', true],
] as const)('a %s that is %s: whether the summary tells that it goes back', (action, outcome, tells) => {
  const goesBack = { answer: 'no', because: 'it stops.', instead: '' } as const
  const plan = {
    digest: 'sha256:1',
    goesBack,
    steps: [],
    losses: [],
    rollbackClass: 'images',
  } as unknown as Plan
  const versions = { previous: '3.0.0', current: '2.93.7', target: '2.93.7' }
  const summary = summaryOf(conclude(action, outcome, 'Told.', { plan, versions }))
  expect(summary.includes('Goes back by itself')).toBe(tells)
  expect(summary).toContain('Plan `sha256:1`')
})

test('after a rollback whose down SQL began, only the rollback action is recommended: a deploy would be refused', () => {
  const plan = { from: '2.93.7' } as Plan
  const again = ['Fix the cause above, then re-run this deploy: it resumes where it stopped.']
  const sql = (state: StepState): StepResult => ({
    ...stepOf('worker', state),
    step: {
      kind: 'undo-schema',
      phase: 'expand',
      postgres: [],
      clickhouse: [],
      clickhouseHead: undefined,
      reason: 'r',
    },
  })
  expect(nextAfterUndo(again, plan, [sql('done'), stepOf('worker', 'failed')])).toEqual([
    expect.stringMatching(/run the rollback action with `to: 2\.93\.7`: it resumes/),
  ])
  expect(nextAfterUndo(again, plan, [sql('not-started'), stepOf('worker', 'failed')])).toBe(again)
})
