import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type FarStage, openFarStage, type Pair } from './far.ts'

/**
 * From releases all over v3 and v4 back to the release before and to one far away, through `dist/`: both schemas exact,
 * the older containers start and read every column, no row is lost, and the upgrade works again. A client that asks
 * the web 20 times a second sees no failure where the class is `images` or `schema`. ONLY=4.0.0 runs those of one,
 * ONLY='4.0.0 3.115.0' one pair, ONLY=ecs those with the web on ECS.
 */
const ONLY = process.env['ONLY']
const WAYS: readonly Pair[] = [
  { from: '3.0.0', to: '2.95.12' },
  { from: '3.0.0', to: '2.93.7' },
  { from: '3.63.1', to: '3.63.0' },
  { from: '3.63.1', to: '3.0.0', accept: 'lossy' },
  { from: '3.225.4', to: '3.225.3' },
  { from: '3.225.4', to: '3.203.3' },
  { from: '3.225.4', to: '3.63.1', accept: 'lossy' },
  { from: '4.0.0', to: '3.225.4', accept: 'restore' },
  { from: '4.0.0', to: '3.115.0', accept: 'restore', stops: ['3.225.4'] },
  { from: '4.16.0', to: '4.15.0' },
  { from: '4.16.0', to: '4.0.0' },
  { from: '4.16.0', to: '3.0.0', accept: 'restore', stops: ['3.225.4'] },
]
const CHOSEN = WAYS.filter(({ from, to }) => [undefined, from, `${from} ${to}`].includes(ONLY))
const SOURCES = [...new Set(CHOSEN.map(({ from }) => from))]
const lines: string[] = []

afterAll(() => {
  process.stdout.write(`${lines.join('\n')}\n`)
})

test('the web as two tasks of ECS: no probe fails either', async () => {
  if (ONLY !== undefined && ONLY !== 'ecs') return
  const far = await openFarStage({ from: '3.63.1', pushed: ['3.63.0'], webPlatform: 'ecs' })
  try {
    const back = await far.rollBack({ from: '3.63.1', to: '3.63.0' })
    lines.push(`on ECS: ${back.line}`)
    process.stdout.write(`on ECS: ${back.line}\n`)
    expect(back.problems).toEqual([])
  } finally {
    await far.close()
  }
}, 600_000)

for (const from of SOURCES)
  describe(`from ${from}`, () => {
    const ways = CHOSEN.filter(way => way.from === from)
    let far: FarStage

    beforeEach(async () => {
      far = await openFarStage({ from, pushed: ways.flatMap(({ to, stops = [] }) => [to, ...stops]) })
    }, 300_000)
    afterEach(() => far?.close())

    test(`back to ${ways.map(({ to }) => to).join(', ')}, and up again each time`, async () => {
      const problems: string[] = []
      for (const way of ways) {
        const back = await far.rollBack(way)
        lines.push(back.line)
        const first = [...back.problems.slice(0, 5), ...back.probed.failures.slice(0, 3)]
        process.stdout.write(`${[back.line, ...first].join('\n  ')}\n`)
        problems.push(...back.problems.slice(0, 30).map(problem => `${way.from} → ${way.to}: ${problem}`))
      }
      expect(problems).toEqual([])
    }, 900_000)
  })
