import { beforeAll, describe, expect, test } from '@jest/globals'
import { dependentsQuestion, notesOf, refusalsOf } from '../../src/plan/dependents.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { touchedBy } from '../../src/schema/touched.ts'
import { observeDependents } from '../../src/stack/observe-dependents.ts'
import { build, type Database, usePostgresServer } from '../schema/databases.ts'
import { SITUATIONS } from './situations/postgres.ts'
import { createPlayer, makeRoles } from './situations/run.ts'
import { postgresOf } from './undo.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const server = usePostgresServer()
let play: ReturnType<typeof createPlayer>

beforeAll(async () => {
  await makeRoles(server())
  play = createPlayer(server(), catalog)
})

// All of them: situations-postgres.long.test.ts.
const some = [
  'a view on a view on a dropped column',
  'a database in which the role may not create a schema',
  "somebody else's schema of the archive's name",
]
test.each(SITUATIONS.filter(({ name }) => some.includes(name)).map(each => [each.name, each] as const))(
  '%s',
  async (_name, situation) => {
    expect(await play(situation, false)).toMatchObject({ problems: [] })
  },
)

describe("Langfuse's own database", () => {
  let database: Database
  const look = (postgres: readonly string[]) =>
    observeDependents(dependentsQuestion({ postgres, clickhouse: [] }, catalog), {
      postgres: postgresOf(database),
      clickhouse: undefined,
    })

  test.each(['4.16.0', '3.29.0'])('of %s: nothing is said', async version => {
    database = await server().fresh()
    await build(database, catalog.postgresSnapshot(version))
    const known = new Set(catalog.postgresMigrations(version).map(({ name }) => name))
    const undone = catalog.laterPostgresMigrations().map(({ name }) => name)
    const dependents = await look(undone.filter(name => known.has(name)).toReversed())
    expect([refusalsOf(dependents), notesOf(dependents, catalog), dependents.failed]).toEqual([[], [], []])
  })

  test('what an interrupted run has made is not the name of something else', async () => {
    database = await server().fresh()
    await database.run(`CREATE TABLE public.dataset_run_items (id text); CREATE SCHEMA langfuse_rollout;
      CREATE TABLE langfuse_rollout.journal (store text, migration text, rollback_id text, phase text)`)
    const name = '20260723124010_drop_dataset_run_items_table'
    expect(refusalsOf(await look([name]))).toHaveLength(1)
    await database.run(`INSERT INTO langfuse_rollout.journal VALUES ('postgres', '${name}', 'x', 'expand')`)
    expect(refusalsOf(await look([name]))).toEqual([])
  })
})

test('a store that cannot be read is not clean', async () => {
  const postgres = { ...postgresOf({} as Database), connect: () => Promise.reject(new Error('it is away')) }
  const question = dependentsQuestion(
    { postgres: ['20260130000000_add_v4_beta_enabled'], clickhouse: [] },
    catalog,
  )
  const dependents = await observeDependents(question, { postgres, clickhouse: undefined })
  expect(dependents).toEqual({
    found: [],
    unseen: [],
    failed: ['PostgreSQL was not checked, because it is away'],
  })
})

test('every call of every file that can meet an object of the owner is known', () => {
  const harmless =
    /^(keep_\w+|close_keep|give_back_table|validate_constraint|drop_invalid_index|column_named|(pause|delete|insert)_background_migration|score_data_types_\w+|price_of_default_tier|monitor_under_both_names|rollback_id|migration|archived_rows)$/
  for (const { name } of catalog.laterPostgresMigrations()) {
    const sections = catalog.downSql('postgres', name)?.sections
    if (sections === undefined) continue
    const sql = Object.values(sections).join('\n;\n')
    const code = sql.replaceAll(/--.*$/gm, '')
    const called = [...code.matchAll(/langfuse_rollout\.(\w+)(?!\w|\(link,)/g)].flatMap(([, call = '']) =>
      harmless.test(call) ? [] : [call],
    )
    const plain = [
      ...code.matchAll(
        /\bALTER TABLE public\.\w+ (?:DROP COLUMN|ADD CONSTRAINT)|\b(?:UPDATE|INSERT INTO) public\./g,
      ),
    ]
    const made = [...code.matchAll(/\bCREATE (?:UNIQUE )?(?:INDEX|TABLE|TYPE|DOMAIN|OR REPLACE VIEW)\b/g)]
    const touched = touchedBy([{ migration: name, sql }])
    expect([name, touched.length]).toEqual([name, called.length + plain.length + made.length])
  }
})
