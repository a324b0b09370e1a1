import { expect, test } from '@jest/globals'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { upStatements } from '../../sandbox/langfuse/image.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { isEmptyDelta } from '../../src/schema/diff.ts'
import { type DownSections, type DownSql, parseDownSql } from '../../src/schema/down-sql.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import { splitStatements } from '../../src/schema/sql-text.ts'
import { generateDown, generatedOf } from '../../tools/down-sql/generate-down.ts'
import { skeletonOf } from '../../tools/down-sql/skeleton.ts'
import { writeDownSql } from '../../tools/down-sql/write-down.ts'
import { undo } from '../down-sql/undo.ts'
import { build, type Database, usePostgres } from '../schema/databases.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const postgres = usePostgres()
/** Without the later name of a renamed file: both have one effect. */
const migrations = catalog.laterPostgresMigrations().filter(({ sameAs }) => sameAs === undefined)

function parsed(name: string): DownSql {
  return parseDownSql({ engine: 'postgres', migration: name, text: skeletonOf(catalog, name) })
}

async function fresh(schema: Snapshot): Promise<Database> {
  const database = await postgres.fresh()
  await build(database, schema)
  await database.run(catalog.toolbox('postgres'))
  await database.run(`SET langfuse_rollout.rollback_id = 'r'; SET search_path = public`)
  return database
}

async function runPhase(database: Database, down: DownSql, phase: keyof DownSections): Promise<void> {
  await database.run(`SET langfuse_rollout.migration = '${down.migration}'`)
  const statements = splitStatements(down.sections[phase], 'postgres')
  const isTogether = phase !== 'validate'
  if (isTogether) await database.run('BEGIN')
  for (const statement of statements) await database.run(statement)
  if (isTogether) await database.run('COMMIT')
}

async function up(database: Database, name: string, applied: ReadonlySet<string>): Promise<void> {
  for (const sql of upStatements(catalog, name, applied)) await database.run(sql)
}

function differences(expected: Snapshot, actual: Snapshot): readonly string[] {
  const delta = diffSnapshots(expected, actual)
  return isEmptyDelta(delta) ? [] : Object.values(delta).flatMap(part => Object.keys(part))
}

test('every migration undone, each phase twice: the schema before it, exactly', async () => {
  const database = await fresh(catalog.postgresSnapshot('2.93.7'))
  const applied = new Set<string>()
  for (const { name } of migrations) {
    await up(database, name, applied)
    const down = parsed(name)
    for (const { sql } of down.counts) {
      const [row] = await database.run(sql)
      expect(Number(Object.values(row ?? {})[0])).toBe(0)
    }
    for (const phase of ['expand', 'prepare', 'contract', 'validate'] as const) {
      await runPhase(database, down, phase)
      await runPhase(database, down, phase)
    }
    const { before } = catalog.postgresChange(name)
    expect({ name, different: differences(before, await database.snapshot()) }).toEqual({
      name,
      different: [],
    })
    await up(database, name, applied)
    applied.add(name)
  }
  expect(applied.size).toBeGreaterThanOrEqual(161)
  expect(differences(catalog.postgresSnapshot('4.16.0'), await database.snapshot())).toEqual([])
})

test.each([
  ['4.16.0', '2.93.7'],
  ['4.16.0', '3.225.4'],
  ['4.16.0', '3.27.0'],
  ['3.225.4', '3.100.0'],
])('from %s down to %s, as a rollback does', async (from, to) => {
  const database = await fresh(catalog.postgresSnapshot(from))
  const kept = new Set(catalog.postgresMigrations(to).map(({ name }) => name))
  const names = catalog.postgresMigrations(from).flatMap(({ name }) => (kept.has(name) ? [] : [name]))
  await undo(database, { downSql: (_engine, name) => parsed(String(name)) }, names.toReversed(), 'r')
  expect(differences(catalog.postgresSnapshot(to), await database.snapshot())).toEqual([])
})

test('what is gone for good is named, and only that makes a migration lossy', () => {
  const lossy = migrations
    .map(({ name }) => generatedOf(name, catalog))
    .filter(down => down.class === 'lossy')
  expect(lossy.map(({ migration, loses }) => [migration.slice(0, 14), loses.length])).toEqual([
    ['20250211102600', 1],
    ['20250211123300', 1],
    ['20250321102240', 1],
    ['20260113102907', 1],
    ['20260113114006', 1],
    ['20260521000000', 1],
    ['20260619120000', 2],
    ['20260723124010', 1],
    ['20260723150000', 3],
  ])
})

test('names that need quotes come back and go as any other', async () => {
  const database = await fresh({})
  await database.run(`CREATE TYPE "Odd; type" AS ENUM ('it''s', 'b');
    CREATE TABLE "Odd ""table" (id text PRIMARY KEY, "order" "Odd; type" NOT NULL, "gone; DROP" integer DEFAULT 1);
    CREATE UNIQUE INDEX "odd 'index" ON "Odd ""table" ("order");
    INSERT INTO "Odd ""table" VALUES ('1', 'b', 7)`)
  const before = await database.snapshot()
  await database.run(`DROP INDEX "odd 'index";
    ALTER TABLE "Odd ""table" DROP COLUMN "gone; DROP", ADD COLUMN "new; x" text, ADD COLUMN "from" text NOT NULL DEFAULT '';
    ALTER TYPE "Odd; type" ADD VALUE 'c; d';
    CREATE TABLE "New ""table" (id text PRIMARY KEY, "to" text REFERENCES "Odd ""table" (id));`)
  await database.run(
    `INSERT INTO "Odd ""table" VALUES ('2', 'c; d', 'x', 'y'); INSERT INTO "New ""table" VALUES ('1', '2')`,
  )
  const delta = diffSnapshots(before, await database.snapshot())
  const text = writeDownSql(generateDown({ migration: 'odd', delta, before }))
  const down = parseDownSql({ engine: 'postgres', migration: 'odd', text })
  expect(down.class).toBe('lossy')
  for (const { sql } of down.counts) expect(await database.run(sql)).toEqual([{ count: '1' }])
  expect(down.counts).toHaveLength(4)
  for (const phase of ['expand', 'prepare', 'contract', 'validate'] as const)
    await runPhase(database, down, phase)
  expect(differences(before, await database.snapshot())).toEqual([])
  expect(await database.run(`SELECT id, "order" FROM "Odd ""table" ORDER BY id`)).toEqual([
    { id: '1', order: 'b' },
    { id: '2', order: "it's" },
  ])
})

test('an object outside public is refused, since the toolbox works there only', () => {
  const delta = diffSnapshots({}, { 'table other.t': {} })
  expect(() => generateDown({ migration: 'm', delta, before: {} })).toThrow(
    'table other.t is not in schema public: no down SQL can be made.',
  )
})
