import { expect, test } from '@jest/globals'
import { countByKind } from '../../sandbox/describe-delta.ts'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { renderDelta as renderClickHouse, renderEffects } from '../../sandbox/langfuse/clickhouse-sql.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { applyDelta } from '../../src/schema/diff.ts'
import { renderDelta as renderPostgres } from '../../src/schema/postgres-sql.ts'
import { emptySnapshot } from '../../src/schema/snapshot.ts'
import { build, useClickHouse, usePostgres } from './databases.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const postgres = usePostgres()
const clickhouse = useClickHouse()

test('the catalog says of releases what they say of themselves', () => {
  const [first, newest] = [catalog.releases[0], catalog.releases.at(-1)]
  expect(first).toEqual({
    version: '2.93.7',
    date: '2024-12-18',
    reportedVersion: '2.93.7',
    postgresMigrations: 271,
    lastPostgresMigration: '20241125124029_add_chatgpt_4o_prices',
    clickhouseHead: 5,
  })
  expect(catalog.release('3.0.0')).toEqual({
    version: '3.0.0',
    date: '2024-12-09',
    reportedVersion: '3.0.0',
    postgresMigrations: 273,
    lastPostgresMigration: '20241206115829_remove_trace_score_observation_constraints',
    clickhouseHead: 6,
  })
  expect(newest?.clickhouseHead).toBeGreaterThanOrEqual(46)
  expect(catalog.release('4.0.0-rc.0')).toBeUndefined()
})

test('a release whose tag holds another one says so, and knows what that one knows', () => {
  expect(catalog.release('3.28.2')).toMatchObject({ mislabelled: '2.95.1', clickhouseHead: 5 })
  expect(catalog.postgresMigrations('3.28.2')).toEqual(catalog.postgresMigrations('2.95.1'))
  expect(catalog.release('3.5.1')).toMatchObject({ reportedVersion: '3.5.0' })
  expect(catalog.releases.filter(({ mislabelled }) => mislabelled !== undefined)).toHaveLength(1)
})

test('every release knows as many migrations as its tree has, edited and renamed ones too', () => {
  for (const { version, postgresMigrations, lastPostgresMigration } of catalog.releases) {
    const known = catalog.postgresMigrations(version)
    expect({ version, count: known.length, last: known.at(-1)?.name }).toEqual({
      version,
      count: postgresMigrations,
      last: lastPostgresMigration,
    })
  }
  const index = /pending_deletions_object_id_idx/
  const checksums = ['3.150.0', '3.155.0', '3.155.1', '3.168.0'].map(version =>
    catalog.postgresMigrations(version).filter(({ name }) => index.test(name)),
  )
  expect(checksums.map(found => found.map(({ name }) => name.slice(0, 14)))).toEqual([
    [],
    ['20260203220622'],
    ['20260203220622'],
    ['20260203220623'],
  ])
  expect(checksums[1]).not.toEqual(checksums[2])
})

test('the names of the environment are known for each major', () => {
  expect(catalog.environmentNames(4).has('LANGFUSE_MIGRATION_V4_WRITE_MODE')).toBe(true)
  expect(catalog.environmentNames(2).has('LANGFUSE_MIGRATION_V4_WRITE_MODE')).toBe(false)
  expect(catalog.environmentNames(3).has('ENCRYPTION_KEY')).toBe(true)
  expect(catalog.environmentNames(5).size).toBe(0)
})

test('the migrations of a release are those it knows, in the order in which Prisma applies them', () => {
  const [before, after] = ['2.93.7', '3.0.0'].map(version => catalog.postgresMigrations(version))
  expect(before).toHaveLength(271)
  expect(after).toHaveLength(273)
  const known = new Set(before?.map(({ name }) => name))
  expect(after?.map(({ name }) => name).filter(name => !known.has(name))).toEqual([
    '20241124115100_add_projects_deleted_at',
    '20241206115829_remove_trace_score_observation_constraints',
  ])
  for (const { checksum } of after ?? []) expect(checksum).toMatch(/^[0-9a-f]{64}$/)
})

test('2.93.7 has 39 tables, 12 enums and 2 views', () => {
  expect(countByKind(catalog.postgresSnapshot('2.93.7'))).toMatchObject({ table: 39, enum: 12, view: 2 })
})

test('the base builds a PostgreSQL database whose schema equals 2.93.7 exactly', async () => {
  const database = await postgres.fresh()
  await build(database, catalog.postgresSnapshot('2.93.7'))
  expect(await database.snapshot()).toEqual(catalog.postgresSnapshot('2.93.7'))
})

test.each(['3.60.1', '3.151.0', '3.225.4', '4.16.0'])(
  'the schema of %s can be built at once',
  async version => {
    const database = await postgres.fresh()
    await build(database, catalog.postgresSnapshot(version))
    expect(await database.snapshot()).toEqual(catalog.postgresSnapshot(version))
  },
)

test('no release depends on the order in which migrations were applied', () => {
  for (const { version } of catalog.releases.filter((_, position) => position % 10 === 0)) {
    const names = catalog.postgresMigrations(version).map(({ name }) => name)
    expect(catalog.postgresSchema(names.toReversed())).toEqual(catalog.postgresSnapshot(version))
  }
  const both = [
    '20260203220622_pending_deletions_object_id_idx',
    '20260203220623_pending_deletions_object_id_idx',
  ]
  const newest = catalog.postgresMigrations('4.16.0').map(({ name }) => name)
  expect(catalog.postgresSchema([...newest, ...both])).toEqual(catalog.postgresSnapshot('4.16.0'))
})

test('the newest release has 67 tables and 31 enums; 3.168.0 has the index of the renamed migration', () => {
  expect(countByKind(catalog.postgresSnapshot('4.16.0'))).toMatchObject({ table: 67, enum: 31 })
  const index =
    'index public.pending_deletions.pending_deletions_project_id_object_is_deleted_object_id_id_idx'
  for (const version of ['3.151.0', '3.155.1', '3.168.0']) {
    expect(catalog.postgresSnapshot(version)[index]).toBeDefined()
  }
})

test('an entry point forgets what Langfuse renamed', () => {
  const renamed = '20260203220622_pending_deletions_object_id_idx'
  expect(catalog.postgresCleanup('3.155.0')).not.toContain(renamed)
  expect(catalog.postgresCleanup('3.155.1')).toContain(renamed)
  expect(catalog.postgresCleanup('4.16.0')).toHaveLength(4)
})

test('the steps up give 3.0.0 exactly, one migration after the other', async () => {
  const database = await postgres.fresh()
  let schema = catalog.postgresSnapshot('2.93.7')
  await build(database, schema)
  const known = new Set(catalog.postgresMigrations('2.93.7').map(({ name }) => name))
  for (const { name } of catalog
    .postgresMigrations('3.0.0')
    .filter(migration => !known.has(migration.name))) {
    const step = catalog.postgresStep(name)
    const next = applyDelta(schema, step)
    for (const { sql } of renderPostgres(step, schema, next)) await database.run(sql)
    expect(await database.snapshot()).toEqual(next)
    schema = next
  }
  expect(await database.snapshot()).toEqual(catalog.postgresSnapshot('3.0.0'))
})

test('a step that is applied to another schema than its own is refused', () => {
  const step = catalog.postgresStep('20241124115100_add_projects_deleted_at')
  expect(() => applyDelta(catalog.postgresSnapshot('3.0.0'), step)).toThrow(
    'Cannot apply the change of column public.projects.deleted_at: the schema before it is another one.',
  )
})

test('rows of background migrations are known from the migration that adds them to the one that removes them', () => {
  expect(catalog.allBackgroundMigrations()).toHaveLength(16)
  expect(catalog.backgroundMigrations('3.225.4')).toHaveLength(15)
  const [first] = catalog.backgroundMigrations('3.225.4').filter(({ args }) => args['envGate'] !== undefined)
  expect(first?.name).toBe('20260701_v4_step_1_create_root_spans_from_traces')
  expect(catalog.backgroundMigrations('4.16.0')).toHaveLength(9)
})

test('a new database has the four background migrations that 2.93.7 has put there', () => {
  const rows = catalog.backgroundMigrations('2.93.7')
  expect(rows.map(({ script }) => script)).toEqual([
    'addGenerationsCostBackfill',
    'migrateTracesFromPostgresToClickhouse',
    'migrateObservationsFromPostgresToClickhouse',
    'migrateScoresFromPostgresToClickhouse',
  ])
  expect(catalog.backgroundMigrations('3.0.0')).toEqual(rows)
})

test.each(['default', 'langfuse'])(
  'the ClickHouse steps build heads 5 and 6 exactly, in the database %s',
  async name => {
    const database = await clickhouse.fresh(name)
    let schema = emptySnapshot
    for (const { version } of catalog.clickhouseMigrations(6)) {
      const step = catalog.clickhouseStep(version)
      const next = applyDelta(schema, step)
      for (const { sql } of renderClickHouse(step, schema, next, name)) await database.run(sql)
      for (const sql of renderEffects(step.effects)) await database.run(sql)
      if (version >= 5) expect(await database.snapshot()).toEqual(catalog.clickhouseSnapshot(version))
      schema = next
    }
    expect(countByKind(schema)).toMatchObject({ table: 3 })
  },
)

test('ClickHouse at head 6 can be built at once', async () => {
  const database = await clickhouse.fresh('at_once')
  const head = catalog.clickhouseSnapshot(6)
  const statements = renderClickHouse(diffSnapshots(emptySnapshot, head), emptySnapshot, head, 'at_once')
  for (const { sql } of statements) await database.run(sql)
  expect(await database.snapshot()).toEqual(head)
})

test('an unknown release or migration is named', () => {
  expect(catalog.release('3.0.1')).toBeUndefined()
  expect(() => catalog.postgresSnapshot('3.0.1')).toThrow('The catalog does not know Langfuse 3.0.1.')
  expect(() => catalog.postgresStep('20990101000000_later')).toThrow(
    'The catalog has no catalog/postgres/steps/20990101000000_later.json.',
  )
})

test('every migration since 2.93.7 has its reviewed down SQL', () => {
  const without = catalog.laterPostgresMigrations().filter(({ name }) => !catalog.downSql('postgres', name))
  expect(without).toEqual([])
  for (const { version } of catalog.clickhouseMigrations(46)) {
    expect([version, catalog.downSql('clickhouse', version)?.class]).toEqual([version, expect.any(String)])
  }
  expect(catalog.downSql('postgres', '20240111152124_add_gpt_35_pricing')).toBeUndefined()
})
