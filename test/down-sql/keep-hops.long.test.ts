import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { undoBetween } from '../../src/plan/rollback-class.ts'
import { compareVersions } from '../../src/release/release.ts'
import { splitStatements } from '../../src/schema/sql-text.ts'
import { build, type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { prismaRow, prismaTable } from './chain.ts'
import { keepCases, ordinarySql } from './keep-cases.ts'
import { catalog, type State, stateOf, unlike } from './keep-proof.ts'
import { endKeep, keep, leftovers, migrate, readKept } from './keeping.ts'
import { undo } from './undo.ts'
import { backgroundSql } from './walk.ts'

const MINUTES = 60_000
let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
}, MINUTES)
afterAll(() => server?.stop())

const namesOf = (release: string): readonly string[] =>
  catalog.postgresMigrations(release).map(({ name }) => name)

/** Times and random ids that a migration makes anew each time it runs. */
function withoutMade({ schema, contents }: State, from: string): State {
  const made: Readonly<Record<string, readonly string[]>> = {
    pricing_tiers: ['created_at', 'updated_at'],
    ...(compareVersions(from, '3.138.0') < 0 && { dataset_items: ['sys_id', 'valid_from'] }),
  }
  const bare = (table: string, row: string): string =>
    (made[table] ?? []).reduce(
      (text, column) => text.replace(new RegExp(`"${column}": ("[^"]*"|null)`), ''),
      row,
    )
  return {
    schema,
    contents: new Map(
      [...contents].map(([table, rows]) => [table, rows.map(row => bare(table, row)).toSorted()]),
    ),
  }
}

/** Tables and rows of the cases that a release has: their own columns may have come later. */
async function databaseOf(release: string) {
  const schema = catalog.postgresSnapshot(release)
  const database = await server.fresh()
  await build(database, schema)
  await database.run(`SET search_path = public; ${prismaTable}`)
  for (const { name, checksum } of catalog.postgresMigrations(release))
    await database.run(prismaRow(name, checksum))
  await database.run(backgroundSql(catalog.backgroundMigrations(release)))
  for (const sql of ordinarySql(schema)) await database.run(sql)
  for (const sql of keepCases.flatMap(({ hostile }) => splitStatements(hostile, 'postgres'))) {
    await database.run(sql).catch(() => undefined)
  }
  // A release without versions of items cannot have a deleted one: its undo archives it.
  await database.run('UPDATE dataset_items SET is_deleted = false').catch(() => undefined)
  return database
}

/**
 * Upgrades over many migrations, and back: to the release that ran, and to releases between it and the migration that
 * deletes. What those are is what an upgrade to them alone makes.
 */
describe.each([
  ['2.93.7', '3.29.0', ['2.93.7', '3.24.0', '3.26.0']],
  ['3.25.0', '3.44.0', ['3.25.0', '3.26.0']],
  ['3.29.0', '3.225.4', ['3.29.0', '3.43.0', '3.47.0', '3.117.0', '3.135.0', '3.146.0']],
  ['3.135.0', '3.147.0', ['3.135.0', '3.136.0', '3.138.0', '3.140.0', '3.146.0']],
  ['3.138.0', '3.225.4', ['3.138.0', '3.141.0']],
  ['3.225.4', '4.16.0', ['3.225.4']],
] as const)('from %s to %s', (from, to, targets) => {
  const before = namesOf(from)
  const coming = namesOf(to).filter(name => !before.includes(name))
  const keeping = coming.filter(name => (catalog.downSql('postgres', name)?.sections.keep ?? '') !== '')
  let upgraded: Awaited<ReturnType<typeof databaseOf>>
  let origin: Awaited<ReturnType<typeof databaseOf>>
  const goTo = async (release: string, database: typeof origin): Promise<void> => {
    const applied = new Set(before)
    for (const name of namesOf(release).filter(each => !applied.has(each))) {
      await migrate(database, catalog, applied, [name])
      applied.add(name)
      const { checksum = '' } = catalog.postgresMigrations(release).find(each => each.name === name) ?? {}
      await database.run(prismaRow(name, checksum))
    }
  }

  beforeAll(async () => {
    origin = await databaseOf(from)
    upgraded = await server.fresh(origin)
    for (const name of keeping.toReversed()) await keep(upgraded, catalog, name)
    await goTo(to, upgraded)
    for (const name of keeping) await endKeep(upgraded, catalog, 'close', name)
  }, 5 * MINUTES)

  test(
    'the upgraded schema is exact, and all is kept',
    async () => {
      const plain = await server.fresh(origin)
      await goTo(to, plain)
      expect(await upgraded.snapshot()).toEqual(await plain.snapshot())
      const kept = await readKept(upgraded)
      expect(kept.filter(({ problem, closed }) => problem !== null || closed !== true)).toEqual([])
      expect(new Set(kept.map(({ migration }) => migration))).toEqual(new Set(keeping))
    },
    5 * MINUTES,
  )

  test.each(targets)(
    'back to %s, everything that was kept is as it is there',
    async target => {
      const wanted = await server.fresh(origin)
      await goTo(target, wanted)
      const database = await server.fresh(upgraded)
      const { postgres } = undoBetween({ postgres: namesOf(to), clickhouseHead: 0 }, target, catalog)
      await undo(database, catalog, postgres, 'rollback')
      const [was, is] = [await stateOf(wanted), await stateOf(database)]
      expect(unlike(withoutMade(was, from), withoutMade(is, from))).toEqual([])
      await database.run("SELECT langfuse_rollout.drop_kept('infinity')")
      const left = postgres.filter(name => keeping.includes(name))
      if (left.length === keeping.length) expect(await leftovers(database)).toEqual([])
    },
    5 * MINUTES,
  )
})
