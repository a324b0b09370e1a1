import { expect, test } from '@jest/globals'
import type { RollbackClass } from '../../src/plan/plan.ts'
import { classOf, isNothing, type Undo, undoBetween } from '../../src/plan/rollback-class.ts'
import { compareVersions } from '../../src/release/release.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const releases = catalog.releases.filter(({ mislabelled }) => mislabelled === undefined)
/** Releases that bring something to either database, and the oldest one. */
const different = releases.filter(({ version, clickhouseHead }, location) => {
  const before = releases[location - 1]
  return (
    before === undefined ||
    clickhouseHead !== before.clickhouseHead ||
    namesOf(version).join() !== namesOf(before.version).join()
  )
})
const pairs = different.flatMap((older, location) =>
  different.slice(location + 1).map(newer => ({ newer, older })),
)

function namesOf(version: string): readonly string[] {
  return catalog.postgresMigrations(version).map(({ name }) => name)
}

function undo(newer: string, older: string, names = namesOf(newer)): Undo {
  return undoBetween({ postgres: names, clickhouseHead: catalog.clickhouseHead(newer) }, older, catalog)
}

const INDEX = '20260203220622_pending_deletions_object_id_idx'
const RENAMED = '20260203220623_pending_deletions_object_id_idx'
const V4 = ['20260723124010_drop_dataset_run_items_table', '20260723150000_drop_legacy_tracing_tables']

test('between any two releases, newer to older: what is left is what the older one knows', () => {
  expect(different.length).toBeGreaterThanOrEqual(107)
  expect(pairs.length).toBeGreaterThanOrEqual(5_600)
  const wrong = pairs.filter(({ newer, older }) => {
    const found = undo(newer.version, older.version)
    const gone = new Set([...found.postgres, ...found.renamed.from])
    const left = namesOf(newer.version).filter(name => !gone.has(name))
    const names = [...left, ...found.renamed.to.map(({ name }) => name)].sort().join()
    const steps = newer.clickhouseHead - older.clickhouseHead
    return (
      names !== namesOf(older.version).join() ||
      found.missing.length > 0 ||
      isNothing(found) ||
      found.clickhouse.length !== steps ||
      found.clickhouse.some((version, index) => version !== newer.clickhouseHead - index) ||
      found.clickhouseHead !== (steps === 0 ? undefined : older.clickhouseHead)
    )
  })
  expect(wrong).toEqual([])
})

test('the class of every way is that of its worst migration, and grows with the way', () => {
  const ranks: readonly RollbackClass[] = ['images', 'schema', 'lossy', 'restore']
  const counts = new Map<RollbackClass, number>()
  const wrong = pairs.filter(({ newer, older }) => {
    const found = undo(newer.version, older.version)
    const worst = classOf(found)
    counts.set(worst, (counts.get(worst) ?? 0) + 1)
    const crossesV4 = newer.version.startsWith('4.') && !older.version.startsWith('4.')
    return (
      ranks.indexOf(worst) !== Math.max(1, ...found.sql.map(file => ranks.indexOf(file.class))) ||
      V4.some(name => found.postgres.includes(name)) !== crossesV4 ||
      (worst === 'restore') !== crossesV4
    )
  })
  expect(wrong).toEqual([])
  expect([...counts.keys()].sort()).toEqual(['lossy', 'restore', 'schema'])
})

test.each([
  ['4.16.0', '3.225.4', 'restore'],
  ['4.16.0', '4.0.0', 'schema'],
  ['3.0.0', '2.93.7', 'schema'],
  ['3.44.0', '3.43.0', 'lossy'],
  ['3.1.0', '3.0.0', 'images'],
] as const)('%s → %s is of class %s', (newer, older, expected) => {
  expect(classOf(undo(newer, older))).toBe(expected)
})

test('a migration that sorts before one of the target, and came later, is undone', () => {
  expect(undo('3.41.0', '3.40.0').postgres).toEqual(['20250303144044_add_prompt_dependencies_table'])
})

test.each(['3.151.0', '3.155.0', '3.155.1', '3.167.4'])(
  'to %s, which knows the index under its first name: the row comes back with its checksum, the index stays',
  older => {
    const found = undo('3.168.0', older)
    const [row] = catalog.postgresMigrations(older).filter(({ name }) => name === INDEX)
    expect(found.renamed).toEqual({ from: [RENAMED], to: [row] })
    expect(found.postgres).not.toContain(RENAMED)
    expect(found.postgres).not.toContain(INDEX)
    expect(row?.repeatable === true).toBe(compareVersions(older, '3.155.1') >= 0)
  },
)

test('the index goes with either name, or with both, to a release that knows neither', () => {
  expect(undo('3.168.0', '3.150.0').postgres).toContain(RENAMED)
  expect(undo('3.151.0', '3.150.0').postgres).toContain(INDEX)
  const both = undo('3.168.0', '3.150.0', [...namesOf('3.168.0'), INDEX])
  expect(both.postgres).toEqual(expect.arrayContaining([RENAMED, INDEX]))
  expect(both.renamed).toEqual({ from: [], to: [] })
})

test('a database that has both names keeps the first one for a release that knows it', () => {
  const both = undo('3.168.0', '3.155.1', [...namesOf('3.168.0'), INDEX])
  expect(both.renamed).toEqual({ from: [RENAMED], to: [] })
})

test('a row that only gets its older name again is no rollback of images alone', () => {
  const names = [...namesOf('3.155.1').filter(name => name !== INDEX), RENAMED]
  const found = undo('3.155.1', '3.155.0', names)
  expect(found).toMatchObject({ postgres: [], clickhouse: [], sql: [] })
  expect(classOf(found)).toBe('schema')
})

test('a migration that nobody knows makes it a restore', () => {
  const found = undo('3.0.0', '2.93.7', [...namesOf('3.0.0'), '20990101000000_unknown'])
  expect(found.missing).toEqual(['postgres/20990101000000_unknown'])
  expect(classOf(found)).toBe('restore')
})
