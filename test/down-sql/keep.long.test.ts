import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { keepCases } from './keep-cases.ts'
import { type Before, catalog, databaseBefore, stateOf, thereAndBack, unlike } from './keep-proof.ts'
import { endKeep, keep, leftovers, migrate, readKept } from './keeping.ts'
import { undo } from './undo.ts'

const MINUTES = 60_000
const MANY = 20_000
let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
}, MINUTES)
afterAll(() => server?.stop())

describe.each(keepCases)('$migration', each => {
  const { migration, hostile, large, keeps } = each
  let hostileOne: Before
  const copy = async (): Promise<Before> => ({
    ...hostileOne,
    database: await server.fresh(hostileOne.database),
  })

  beforeAll(async () => {
    hostileOne = await databaseBefore(server, migration, [hostile])
  }, MINUTES)

  test('hostile rows come back as they were', async () => {
    const { database, ...rest } = await copy()
    const done = await thereAndBack(each, { ...rest, database })
    expect([done.problems, done.upgrade]).toEqual([[], []])
    expect(done.closed.map(({ kind, relation, how }) => [kind, relation, how])).toEqual(keeps)
    expect(done.closed.filter(({ problem, rows }) => problem !== null || rows === 0)).toEqual([])
  })

  test('ordinary rows come back as they were', async () => {
    const done = await thereAndBack(each, await databaseBefore(server, migration))
    expect([done.problems, done.upgrade]).toEqual([[], []])
  })

  test(
    `${MANY} rows come back as they were, in batches`,
    async () => {
      const before = await databaseBefore(server, migration, [hostile, large(MANY)])
      const done = await thereAndBack(each, before, { batch: 1_000 })
      expect([done.problems.slice(0, 5), done.upgrade]).toEqual([[], []])
      expect(Math.max(...done.closed.map(({ rows }) => Number(rows)))).toBeGreaterThanOrEqual(MANY / 2)
    },
    5 * MINUTES,
  )

  test('when the migration does not run, everything is as before', async () => {
    const { database } = await copy()
    const before = await stateOf(database)
    await keep(database, catalog, migration)
    await endKeep(database, catalog, 'reverse', migration)
    expect(unlike(before, await stateOf(database))).toEqual([])
    expect([await leftovers(database), await readKept(database)]).toEqual([[], []])
  })

  test('when the migration fails, everything is as before', async () => {
    const { database, applied } = await copy()
    const before = await stateOf(database)
    await keep(database, catalog, migration)
    await expect(migrate(database, catalog, applied, [migration], '; SELECT 1 / 0')).rejects.toThrow(
      'division by zero',
    )
    await endKeep(database, catalog, 'reverse', migration)
    expect(unlike(before, await stateOf(database))).toEqual([])
    expect(await leftovers(database)).toEqual([])
  })

  test('what users delete with a project, before and after the migration, does not come back', async () => {
    const [wanted, { database, applied }] = [await copy(), await copy()]
    const deletion = (id: string): string => `DELETE FROM projects WHERE id = '${id}'`
    await wanted.database.run(`${deletion('one')}; ${deletion('two')}`)
    await keep(database, catalog, migration)
    await database.run(deletion('one'))
    await migrate(database, catalog, applied, [migration])
    await endKeep(database, catalog, 'close', migration)
    await database.run(deletion('two'))
    await undo(database, catalog, [migration], 'rollback')
    expect(unlike(await stateOf(wanted.database), await stateOf(database))).toEqual([])
  })

  test('a rollback closes what the deploy left open', async () => {
    const { database, applied } = await copy()
    const before = await stateOf(database)
    await keep(database, catalog, migration)
    await migrate(database, catalog, applied, [migration])
    await undo(database, catalog, [migration], 'rollback')
    expect(unlike(before, await stateOf(database))).toEqual([])
  })

  test('a second upgrade and rollback end the same', async () => {
    const { database, ...rest } = await copy()
    const before = await stateOf(database)
    await thereAndBack(each, { ...rest, database })
    expect((await thereAndBack(each, { ...rest, database })).problems).toEqual([])
    expect(unlike(before, await stateOf(database))).toEqual([])
  })

  const isMoved = keeps.some(([, , how]) => how === 'moved')
  ;(isMoved ? test : test.skip)(
    'what the owner put on a table that is moved comes back with it',
    async () => {
      const { database, ...rest } = await copy()
      for (const [, table] of keeps.filter(([, , how]) => how === 'moved')) {
        await database.run(`ALTER TABLE ${table} ADD COLUMN "my; n" bigint GENERATED ALWAYS AS IDENTITY, ADD COLUMN mine serial;
        CREATE INDEX "my; index ${table}" ON ${table} ("my; n"); COMMENT ON TABLE ${table} IS 'mine';
        CREATE VIEW "my; ${table}" AS SELECT * FROM ${table}; CREATE MATERIALIZED VIEW many_${table} AS SELECT count(*) FROM ${table};
        CREATE FUNCTION my_${table}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER "my; trigger" BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION my_${table}();
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; CREATE POLICY "my; policy" ON ${table} FOR SELECT TO PUBLIC USING (true);
        GRANT SELECT ON ${table} TO pg_monitor; ALTER TABLE ${table} REPLICA IDENTITY FULL`)
      }
      const extras = () =>
        Promise.all(
          keeps
            .filter(([, , how]) => how === 'moved')
            .map(([, table]) => database.run(`SELECT langfuse_rollout.extras_of('${table}'::regclass)`)),
        )
      await database.run(catalog.toolbox('postgres'))
      const before = await extras()
      const done = await thereAndBack(each, { ...rest, database })
      expect(done.problems).toEqual([])
      expect(done.closed.map(({ kind, relation, how }) => [kind, relation, how])).toEqual(keeps)
      expect(await extras()).toEqual(before)
    },
  )
})
