import { expect, test } from '@jest/globals'
import { repairOf } from '../../src/plan/rollback-class.ts'
import type { ReleaseFacts } from '../../src/release/facts.ts'
import type { Delta } from '../../src/schema/diff.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import type { PostgresState } from '../../src/stack/stack.ts'
import { FACTS } from '../support/stack.ts'

const NAME = '20241206115829_b'
const COLUMN = 'column public.projects.new'
const TEXT = { type: 'text', notNull: false }
const NOTHING: Delta = { renamed: [], added: {}, removed: {}, changed: {} }

function repair(step: Partial<Delta>, schema: Snapshot | undefined, name = NAME) {
  const facts: ReleaseFacts = { ...FACTS, postgresStep: () => ({ ...NOTHING, ...step }) }
  const state: PostgresState = {
    migrations: [
      { name: '20240101000000_base', checksum: 'x', state: 'applied' },
      { name, checksum: 'x', state: 'failed' },
    ],
    backgroundMigrations: [],
    pending: [],
    ...(schema && { schema }),
  }
  return repairOf(state, '2.93.7', facts)
}

const FINISH = { finish: [NAME], forget: [], unclear: [] }
const FORGET = { finish: [], forget: [NAME], unclear: [] }
const UNCLEAR = { finish: [], forget: [], unclear: [NAME] }

test.each<readonly [string, Partial<Delta>, Snapshot, ReturnType<typeof repair>]>([
  ['its column is there: killed before the note', { added: { [COLUMN]: TEXT } }, { [COLUMN]: TEXT }, FINISH],
  ['nothing of it is there: its transaction was rolled back', { added: { [COLUMN]: TEXT } }, {}, FORGET],
  [
    'one of two statements outside of a transaction',
    { added: { [COLUMN]: TEXT, 'index public.projects.x': { definition: 'x' } } },
    { [COLUMN]: TEXT },
    UNCLEAR,
  ],
  [
    'an index that is there and not valid',
    { added: { 'index public.projects.x': { definition: 'x', valid: true } } },
    { 'index public.projects.x': { definition: 'x', valid: false } },
    UNCLEAR,
  ],
  ['what it drops is gone', { removed: { [COLUMN]: TEXT } }, {}, FINISH],
  ['what it drops is still there', { removed: { [COLUMN]: TEXT } }, { [COLUMN]: TEXT }, FORGET],
  [
    'what it changes is changed',
    { changed: { [COLUMN]: { from: TEXT, to: { type: 'text', notNull: true } } } },
    { [COLUMN]: { type: 'text', notNull: true } },
    FINISH,
  ],
  [
    'a rename that did not happen',
    { renamed: [{ from: 'enum public.A', to: 'enum public.B' }] },
    { 'enum public.A': { labels: [] } },
    FORGET,
  ],
  ['it changes data only, and the schema shows nothing of that', {}, { [COLUMN]: TEXT }, UNCLEAR],
])('a failed migration: %s', (_situation, step, schema, expected) => {
  expect(repair(step, schema)).toEqual(expected)
})

test('without a look at the schema nothing is repaired', () => {
  expect(repair({ added: { [COLUMN]: TEXT } }, undefined)).toEqual(UNCLEAR)
})

test('a migration that the catalog does not know is not repaired', () => {
  expect(repair({ added: { [COLUMN]: TEXT } }, {}, '20990101000000_mine').unclear).toEqual([
    '20990101000000_mine',
  ])
})

test('a failed migration that the older release has too is not touched', () => {
  expect(repair({ added: { [COLUMN]: TEXT } }, {}, '20240101000000_base')).toEqual({
    finish: [],
    forget: [],
    unclear: [],
  })
})
