import { expect, test } from '@jest/globals'
import { nextMoves, type RolloutView } from '../../sandbox/aws/ecs/rollout.ts'

const task = (id: string, healthy = true) => ({ id, healthy })
const view = (more: Partial<RolloutView>): RolloutView => ({
  desired: 1,
  minimumHealthyPercent: 100,
  maximumPercent: 200,
  primary: [],
  older: [],
  ending: 0,
  mayStart: true,
  ...more,
})

test.each([
  ['200/100 starts the new task beside the old one', { older: [task('old')] }, { start: 1, stop: [] }],
  [
    'the old one stays while the new one is not healthy',
    { older: [task('old')], primary: [task('new', false)] },
    { start: 0, stop: [] },
  ],
  [
    'the old one goes when the new one is healthy',
    { older: [task('old')], primary: [task('new')] },
    { start: 0, stop: ['old'] },
  ],
  [
    '100/0 stops the old one first',
    { maximumPercent: 100, minimumHealthyPercent: 0, older: [task('old')] },
    { start: 0, stop: ['old'] },
  ],
  [
    '100/0 waits until its containers have ended',
    { maximumPercent: 100, minimumHealthyPercent: 0, ending: 1 },
    { start: 0, stop: [] },
  ],
  [
    '100/0 then starts the new one',
    { maximumPercent: 100, minimumHealthyPercent: 0 },
    { start: 1, stop: [] },
  ],
  [
    'the minimum rounds up: 50 % of 3 keeps 2',
    {
      desired: 3,
      maximumPercent: 100,
      minimumHealthyPercent: 50,
      older: ['a', 'b', 'c'].map(id => task(id)),
    },
    { start: 0, stop: ['a'] },
  ],
  [
    'the maximum rounds down: 150 % of 3 starts 1',
    { desired: 3, maximumPercent: 150, older: ['a', 'b', 'c'].map(id => task(id)) },
    { start: 1, stop: [] },
  ],
  [
    'a failed deployment starts nothing and takes nothing',
    { mayStart: false, older: [task('old')] },
    { start: 0, stop: [] },
  ],
  [
    'scaling in stops what is unhealthy first',
    { primary: [task('well'), task('ill', false)] },
    { start: 0, stop: ['ill'] },
  ],
])('%s', (_, given, moves) => {
  expect(nextMoves(view(given))).toEqual(moves)
})
