import { expect, test } from '@jest/globals'
import { heldBy, heldTables, longestLock, sizesOf } from '../../src/plan/expected-locks.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import type { Delta } from '../../src/schema/diff.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'

const STEP: Delta = { renamed: [], added: {}, removed: {}, changed: {} }
const SCHEMA: Snapshot = {
  'table public.jobs': {},
  'table public.logs': {},
  'column public.jobs.state': { type: 'public."State"', notNull: true },
  'column public.logs.states': { type: 'public."State"[]', notNull: true },
  'column public.logs.note': { type: 'text', notNull: false },
}

test.each<readonly [string, Partial<Delta>, ReturnType<typeof heldTables>]>([
  [
    'a label goes: every table with a column or an array of that type is rewritten',
    { changed: { 'enum public.State': { from: { labels: ['A'] }, to: { labels: ['A', 'B'] } } } },
    [
      { table: 'jobs', because: 'rewritten' },
      { table: 'logs', because: 'rewritten' },
    ],
  ],
  [
    'NOT NULL comes back',
    {
      changed: {
        'column public.logs.note': {
          from: { type: 'text', notNull: true },
          to: { type: 'text', notNull: false },
        },
      },
    },
    [{ table: 'logs', because: 'scanned' }],
  ],
  [
    'a primary key comes back',
    { removed: { 'constraint public.logs.logs_pkey': { definition: 'PRIMARY KEY (id)' } } },
    [{ table: 'logs', because: 'indexed' }],
  ],
  [
    'a foreign key and a plain index come back without holding anybody up',
    {
      removed: {
        'constraint public.logs.x': { definition: 'FOREIGN KEY (a) REFERENCES public.jobs(id)' },
        'index public.logs.y': { definition: 'CREATE INDEX y ON public.logs USING btree (note)' },
      },
    },
    [],
  ],
  ['a column goes', { added: { 'column public.logs.note': { type: 'text', notNull: false } } }, []],
  ['a table goes with its enum', { changed: {}, added: { 'table public.gone': {} } }, []],
])('%s', (_situation, step, expected) => {
  expect(heldTables([{ ...STEP, ...step }], SCHEMA)).toEqual(expected)
})

test('in the real catalog, observation types rewrite observations', () => {
  const catalog = loadCatalog(new URL('../../', import.meta.url))
  const step = catalog.postgresStep('20250820143856_add_observation_types')
  expect(heldTables([step], catalog.postgresSnapshot('3.100.0'))).toEqual([
    { table: 'observations', because: 'rewritten' },
  ])
})

const HELD = heldTables(
  [{ ...STEP, changed: { 'enum public.State': { from: { labels: ['A'] }, to: { labels: [] } } } }],
  SCHEMA,
)
const counted = (bytes: readonly (number | undefined)[]) =>
  sizesOf(HELD).map((loss, location) => ({ ...loss, count: bytes[location] }))

test('the longest lock is that of the biggest table', () => {
  expect(HELD.map(({ table }) => table)).toEqual(['jobs', 'logs'])
  expect(longestLock(HELD, counted([30, 3_000_000_000]))).toBe(
    'Longest lock: table logs (3000 MB) is rewritten. Its reads and writes wait for about 60 s.',
  )
})

test('small tables are not worth waiting for, and that is said with the size', () => {
  expect(longestLock(HELD, counted([30_000_000, 1]))).toBe(
    'Longest lock: no table is locked for more than about 1 s. The largest table that is rewritten, scanned or indexed is jobs (30 MB).',
  )
  expect(longestLock([], [])).toBe('Longest lock: no table is locked for more than about 1 s.')
})

test('sizes that were not seen are not guessed', () => {
  const sentence = longestLock(HELD, counted([30_000_000, undefined]))
  expect(sentence).toContain('The sizes of these tables are unknown: logs (rewritten)')
  expect(longestLock(HELD, [])).toContain(
    'The sizes of these tables are unknown: jobs (rewritten), logs (rewritten)',
  )
})

test('of migrations by name: what the catalog does not know is left out', () => {
  const catalog = loadCatalog(new URL('../../', import.meta.url))
  expect(heldBy(['99990101000000_unknown', '20250820143856_add_observation_types'], catalog)).toEqual([
    { table: 'observations', because: 'rewritten' },
  ])
})
