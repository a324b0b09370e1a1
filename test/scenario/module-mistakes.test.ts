import { beforeAll, expect, test } from '@jest/globals'
import DEFECTS from '../../docs/module-defects.json' with { type: 'json' }
import { CACHE_TOKEN } from '../../sandbox/article/settings.ts'
import { checksOf, type Seen, verifyOn } from './module-mistakes-support.ts'

/** verify through `dist/` on a stack with all mistakes of the article's module at once: each is found, with the line to change. */
let asPublished: Seen

beforeAll(async () => {
  asPublished = await verifyOn({ clickhouse: '24.8.7' })
})

/** A stack that is built by the module as it stands does not have these: they need another variable, or bad luck. */
const BY_CHANCE: readonly string[] = ['deletionProtection', 'passwordLetters']

const MISTAKES = Object.entries(DEFECTS).filter(([id]) => !BY_CHANCE.includes(id))

test.each(MISTAKES)(
  'the module: %s is found, with the line to change',
  (_id, { check, file, resource, change }) => {
    const found = checksOf(asPublished).find(({ id }) => id === check)
    expect(found).toMatchObject({
      state: expect.stringMatching(/^(warning|failed)$/),
      sentence: expect.stringContaining(`${file}, ${resource}: \`${change}\``),
    })
  },
)

test('the module: nothing is warned of but its mistakes', () => {
  const warned = checksOf(asPublished).filter(({ state }) => state === 'warning')
  // Rebalancing is ECS's default, and harmless as soon as the percents are right.
  const known = [...MISTAKES.map(([, { check }]) => check), 'clickhouse-placement']
  expect(warned.map(({ id }) => id).filter(id => !known.includes(id))).toEqual([])
  expect(asPublished.result.outputs).toMatchObject({ outcome: 'passed', failed: '0' })
})

test('no secret of the stack is in the report or the log', () => {
  const { summary, stdout, report } = asPublished.result
  const said = [summary, stdout, JSON.stringify(report)].join('\n')
  for (const secret of [CACHE_TOKEN, 'p3X!vN8_sQ6yHb1d', 'c2FuZGJveC1zYWx0'])
    expect(said).not.toContain(secret)
})

test('verify makes no more than 60 calls of AWS', () => {
  expect(asPublished.calls).toBeLessThanOrEqual(60)
})
