import { expect, test } from '@jest/globals'
import { ingestedSince, sinceUpgrade, type Way } from '../../src/plan/losses.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'

/** The sentences, where the questions were answered with these numbers. */
const said = (way: Way, ...numbers: readonly (number | undefined)[]) =>
  sinceUpgrade(
    way,
    ingestedSince(way).map((loss, location) => ({ ...loss, count: numbers[location] })),
  ).join(' ')

test('from version 3 to 2: traces that are only in ClickHouse, counted', () => {
  const way = { from: '3.0.0', to: '2.95.12' }
  expect(ingestedSince(way).map(({ store }) => store)).toEqual(['clickhouse', 'postgres'])
  expect(said(way, 1_234, 1_000)).toMatch(
    /^Langfuse 2\.95\.12 reads PostgreSQL only, .* only in ClickHouse\. At least 234 traces, .* stay in ClickHouse/,
  )
  expect(said(way, 1_001, 1_000)).toContain('At least 1 trace,')
})

test('rows that ClickHouse does not have yet are none less than nothing', () => {
  expect(said({ from: '3.0.0', to: '2.93.7' }, 10, 1_000)).toContain('Traces (0 counted), with')
})

test('below 3.104.0 the items of newer dataset runs are not seen', () => {
  const sentence = said({ from: '3.115.0', to: '3.63.1' }, 30, 12)
  expect(sentence).toMatch(
    /writes items of dataset runs to ClickHouse only.*3\.63\.1.*At least 18 items will not be visible/,
  )
  expect(said({ from: '3.115.0', to: '3.104.0' })).not.toContain('dataset')
})

test('from version 4: what only its own tables have', () => {
  const way = { from: '4.16.0', to: '3.225.4' }
  expect(said(way, 7)).toMatch(
    /events_only.*At least 7 traces in them will not be visible\. These tables go to the archive/,
  )
  expect(ingestedSince({ from: '4.0.0', to: '3.0.0' })).toHaveLength(3)
})

test('what could not be counted is said so', () => {
  expect(said({ from: '3.0.0', to: '2.95.12' })).toContain(
    'Traces (not counted), with observations and scores, will not be visible',
  )
})

test('between releases that read and write the same places nothing changes', () => {
  expect(said({ from: '3.225.4', to: '3.203.3' })).toMatch(/^Data ingested since the upgrade stays in place/)
  expect(ingestedSince({ from: undefined, to: '3.0.0' })).toEqual([])
})

test('each SELECT names tables and columns that the newer release has', () => {
  const catalog = loadCatalog(new URL('../../', import.meta.url))
  const clickhouse = catalog.clickhouseSnapshot(46)
  for (const { store, sql } of ingestedSince({ from: '4.0.0', to: '3.63.1' })) {
    const table = /FROM (?:public\.)?(\w+)/.exec(sql)?.[1]
    if (store === 'clickhouse') expect(Object.keys(clickhouse)).toContain(`table ${table}`)
  }
})
