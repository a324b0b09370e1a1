import { expect, test } from '@jest/globals'
import { lossesOf, lossSentences } from '../../src/plan/losses.ts'
import type { ClickHouse, Postgres, Row } from '../../src/ports/databases.ts'
import type { DownSql } from '../../src/schema/down-sql.ts'
import { countLosses } from '../../src/stack/count-losses.ts'

function file(migration: string, over: Partial<DownSql> = {}): DownSql {
  const sections = { keep: '', expand: '', prepare: '', contract: 'SELECT 1', validate: '' }
  return {
    migration,
    class: 'schema',
    loses: 'nothing; the colours go to the archive',
    counts: [],
    sections,
    ...over,
  }
}

const undo = {
  sql: [
    file('2_colours', { counts: [{ what: 'traces with a colour', sql: 'colours' }] }),
    file('1_shapes', {
      counts: [
        { what: 'shapes', sql: 'shapes' },
        { what: 'corners', sql: 'gone' },
      ],
    }),
    file('0_index', { loses: 'nothing' }),
    file('0_dropped', { class: 'lossy', loses: 'the rows of t, which the upgrade dropped' }),
    file('0046', { counts: [{ what: 'events', sql: 'events' }] }),
  ],
}

/** A world in which some SELECTs have an answer and the others fail; what was said to it is kept. */
function database(answers: Readonly<Record<string, number>>) {
  const said: string[] = []
  const run = async (sql: string): Promise<readonly Row[]> => {
    said.push(sql.split(';')[0] ?? '')
    if (/^(BEGIN|ROLLBACK|SET)/.test(sql)) return []
    if (answers[sql] === undefined) throw new Error(`relation "${sql}" does not exist`)
    return [{ count: String(answers[sql]) }]
  }
  const at = { host: 'x', port: 5432, database: 'x', schema: 'public' }
  const postgres: Postgres = {
    address: 'x',
    at,
    connect: async () => ({ run, close: async () => undefined }),
  }
  return { said, postgres, clickhouse: { address: 'x', run, ping: async () => true } satisfies ClickHouse }
}

test('what undoing puts into the archive is counted, reading only; a count that fails is "not counted"', async () => {
  const { said, postgres, clickhouse } = database({ colours: 12, shapes: 0, events: 3 })
  const counted = await countLosses(lossesOf(undo), { postgres, clickhouse })
  expect(counted.map(({ what, count }) => [what, count])).toEqual([
    ['traces with a colour', 12],
    ['shapes', 0],
    ['corners', undefined],
    ['events', 3],
  ])
  expect(said.slice(0, 4)).toEqual([
    'BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY',
    'SET LOCAL statement_timeout = 10000',
    'colours',
    'ROLLBACK',
  ])
  expect(lossSentences(undo, counted)).toEqual([
    '2_colours: nothing; the colours go to the archive (12 traces with a colour)',
    '1_shapes: nothing; the colours go to the archive (not counted: corners)',
    '0_dropped: the rows of t, which the upgrade dropped',
    '0046: nothing; the colours go to the archive (3 events)',
  ])
})

test('what is counted and is nothing is not told; without databases everything that could be is', async () => {
  const { postgres, clickhouse } = database({ colours: 0, shapes: 0, gone: 0, events: 0 })
  const none = await countLosses(lossesOf(undo), { postgres, clickhouse })
  expect(lossSentences(undo, none)).toEqual(['0_dropped: the rows of t, which the upgrade dropped'])
  const blind = await countLosses(lossesOf(undo), { postgres: undefined, clickhouse: undefined })
  expect(blind.every(({ count }) => count === undefined)).toBe(true)
  expect(lossSentences(undo, blind)).toHaveLength(4)
})
