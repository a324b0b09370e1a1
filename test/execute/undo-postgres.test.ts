import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Execution } from '../../src/execute/execution.ts'
import { StepFailed } from '../../src/execute/execution.ts'
import type { Postgres } from '../../src/ports/databases.ts'
import { type DownSql, parseDownSql } from '../../src/schema/down-sql.ts'
import { type DownFiles, postgresOf, undo, undoPhase } from '../down-sql/undo.ts'
import { type Database, type Rows, usePostgres } from '../schema/databases.ts'
import { jumpingClock } from '../support/execution.ts'

const postgres = usePostgres()
let database: Database
let said: string[]

beforeEach(async () => {
  database = await postgres.fresh()
  said = []
  await database.run(`
    CREATE TABLE pets (id int PRIMARY KEY, name text, legs int);
    INSERT INTO pets SELECT n, 'pet ' || n, 4 FROM generate_series(1, 10) AS n;
    CREATE TABLE public._prisma_migrations (migration_name text);
    INSERT INTO _prisma_migrations VALUES ('1_old'), ('2_new'), ('0_stays')`)
})

type Phases = Partial<DownSql['sections']>

/** Down SQL files of a test, by migration. */
function files(phases: Readonly<Record<string, Phases>>): DownFiles {
  const parsed = Object.entries(phases).map(([migration, sections]) => {
    const body = (['expand', 'prepare', 'contract', 'validate'] as const).flatMap(phase =>
      sections[phase] === undefined ? [] : [`-- phase: ${phase}\n${sections[phase]}`],
    )
    const text = `-- undoes: ${migration}\n-- class: schema\n-- loses: nothing\n${body.join('\n')}\n-- end\n`
    return [migration, parseDownSql({ engine: 'postgres', migration, text })] as const
  })
  const known = new Map(parsed)
  return { downSql: (_, migration) => known.get(String(migration)) }
}

const all = ['2_new', '1_old']
const over = (more: Partial<Execution> = {}): Partial<Execution> => ({
  say: line => said.push(line),
  ...more,
})
const journal = (): Promise<Rows> =>
  database.run('SELECT migration, phase, rollback_id FROM langfuse_rollout.journal ORDER BY migration')
const applied = async (): Promise<readonly unknown[]> =>
  (await database.run('SELECT migration_name FROM _prisma_migrations ORDER BY 1')).map(
    row => row['migration_name'],
  )

/** What the step fails with. */
async function failureOf(step: Promise<unknown>): Promise<StepFailed> {
  const error: unknown = await step.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof StepFailed)) throw new Error('It did not fail.', { cause: error })
  return error
}

const noted = (phase: string): string =>
  `INSERT INTO public.notes (what, migration, rollback, at) VALUES
     ('${phase}', current_setting('langfuse_rollout.migration'), current_setting('langfuse_rollout.rollback_id'), txid_current());`
const noting: Phases = Object.fromEntries(
  ['expand', 'prepare', 'contract', 'validate'].map(phase => [phase, `${noted(phase)}\n${noted(phase)}`]),
)

test('phases are run one after the other, each newest first, and each with its names set', async () => {
  await database.run('CREATE TABLE notes (id serial, what text, migration text, rollback text, at bigint)')
  const counts = await undo(database, files({ '1_old': noting, '2_new': noting }), all, `it's r`)
  const notes = await database.run('SELECT * FROM notes ORDER BY id')
  expect(notes.map(({ what, migration }) => `${what} ${migration}`)).toEqual(
    ['expand', 'prepare', 'contract', 'validate'].flatMap(phase =>
      all.flatMap(migration => [`${phase} ${migration}`, `${phase} ${migration}`]),
    ),
  )
  const transactions = (phase: string) =>
    new Set(notes.filter(({ what }) => what === phase).map(({ at }) => at)).size
  expect(['expand', 'prepare', 'contract', 'validate'].map(transactions)).toEqual([1, 4, 1, 4])
  expect(new Set(notes.map(({ rollback }) => rollback))).toEqual(new Set([`it's r`]))
  expect(await applied()).toEqual(['0_stays'])
  expect(await journal()).toEqual(
    ['1_old', '2_new'].map(migration => ({ migration, phase: 'validate', rollback_id: `it's r` })),
  )
  expect(counts).toEqual({ postgres: 2, clickhouse: 0, archivedRows: 0 })
})

test('the rows of moved tables count as archived, definitions do not', async () => {
  const catalog = files({
    '2_new': {
      prepare: `SELECT langfuse_rollout.delete_rows('pets', 'this.id > 7', 'why');`,
      contract: `SELECT langfuse_rollout.drop_table('pets'); SELECT langfuse_rollout.drop_index('pets_name');`,
    },
  })
  await database.run(
    'CREATE INDEX other ON pets (name); CREATE TABLE t (a int); CREATE INDEX pets_name ON t (a)',
  )
  expect(await undo(database, catalog, ['2_new'], 'r')).toMatchObject({ archivedRows: 10 })
})

describe('when contract fails', () => {
  const broken = files({
    '2_new': {
      expand: 'ALTER TABLE public.pets ADD COLUMN IF NOT EXISTS colour text;',
      prepare: `SELECT langfuse_rollout.rewrite_rows('pets', 'legs = 3', 'this.id = 1', 'lost one');`,
      contract: `SELECT langfuse_rollout.drop_column('pets', 'name');`,
    },
    '1_old': { contract: `SELECT langfuse_rollout.drop_column('pets', 'legs');` },
  })

  test('nothing of it stays, what was before it does, and the view that needs a column is named', async () => {
    await database.run('CREATE VIEW "my view" AS SELECT legs FROM pets')
    const error = await failureOf(undo(database, broken, all, 'r'))
    expect(error.message).toBe(
      'The contract down SQL of 1_old failed; PostgreSQL rolled back its transaction.',
    )
    expect(error.cause).toMatchObject({
      message: 'cannot drop column legs of table public.pets because other objects depend on it',
    })
    expect(error.evidence).toEqual([
      'view public."my view" depends on column legs of table public.pets',
      'Use DROP ... CASCADE to drop the dependent objects too.',
      'At the statement: ALTER TABLE public.pets DROP COLUMN legs',
    ])
    expect(await database.run('SELECT * FROM pets WHERE id < 3 ORDER BY id')).toEqual([
      { id: 1, name: 'pet 1', legs: 3, colour: null },
      { id: 2, name: 'pet 2', legs: 4, colour: null },
    ])
    expect(await applied()).toEqual(['0_stays', '1_old', '2_new'])
    expect(await journal()).toMatchObject([{ phase: 'expand' }, { phase: 'expand' }])
    expect(await database.run('SELECT FROM langfuse_rollout.archived_columns')).toEqual([])
  })

  test('a second run with the cause out of the way goes through', async () => {
    await database.run('CREATE VIEW "my view" AS SELECT legs FROM pets')
    await failureOf(undo(database, broken, all, 'r'))
    await database.run('DROP VIEW "my view"')
    expect(await undo(database, broken, all, 'r')).toMatchObject({ postgres: 2, archivedRows: 21 })
    expect(Object.keys((await database.run('SELECT * FROM pets'))[0] ?? {})).toEqual(['id', 'colour'])
    expect(await applied()).toEqual(['0_stays'])
  })
})

describe('while others use the tables', () => {
  const dropping = files({ '2_new': { contract: `SELECT langfuse_rollout.drop_column('pets', 'legs');` } })

  test('contract steps back again and again, so that nobody waits behind it for long', async () => {
    const [reader, other] = [await database.connect(), await database.connect()]
    await reader.query('BEGIN; SELECT * FROM pets')
    let longest = 0
    let isOver = false
    const undoing = undo(database, dropping, ['2_new'], 'r', over()).finally(() => {
      isOver = true
    })
    const until = performance.now() + 3_000
    while (!isOver) {
      const start = performance.now()
      await other.query('SELECT count(*) FROM pets')
      longest = Math.max(longest, performance.now() - start)
      if (performance.now() > until) await reader.query('ROLLBACK')
    }
    await undoing
    expect(said.filter(line => /is locked, so nothing was changed/.test(line)).length).toBeGreaterThan(2)
    expect(longest).toBeGreaterThan(100)
    // Only the attempt that waits for an autovacuum to end waits longer than a second.
    expect(longest).toBeLessThan(2_500)
  })

  /** A query of two tables that meets a phase in its middle: which waits for which is a circle. */
  async function meet(contract: string): Promise<readonly string[]> {
    await database.run('CREATE TABLE owners (id int PRIMARY KEY, name text)')
    const reader = await database.connect()
    await reader.query('BEGIN; SELECT * FROM owners')
    const undoing = undoPhase(database, files({ '2_new': { contract } }), ['2_new'], 'r', 'contract', over())
    const held = `SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation IN ('pets'::regclass, 'owners'::regclass)`
    while ((await database.run(held)).length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    const failures: string[] = []
    await reader.query('SELECT * FROM pets').catch(error => failures.push(String(error)))
    await reader.query('COMMIT')
    await undoing
    return failures
  }

  test('a query that reads two tables in the other order is not ended as the victim of a deadlock', async () => {
    const failures =
      await meet(`-- What is done with the first table takes longer than the second is waited for.
      SELECT langfuse_rollout.drop_column('pets', 'legs');
      SELECT pg_sleep(0.9);
      SELECT langfuse_rollout.drop_column('owners', 'name');`)
    expect(failures).toEqual([])
    expect(await applied()).toEqual(['0_stays', '1_old'])
  })

  test('a table that stays in use ends it with what to do, and nothing is changed', async () => {
    const reader = await database.connect()
    await reader.query('BEGIN; SELECT * FROM pets')
    const error = await failureOf(
      undoPhase(
        database,
        dropping,
        ['2_new'],
        'r',
        'contract',
        over({ clock: jumpingClock(0), deadline: 3_000 }),
      ),
    )
    expect(error.message).toMatch(
      /^A table or row was still locked after \d+ attempts, so nothing was changed: end the long-running query/,
    )
    expect(error.evidence).toContain('At the statement: LOCK TABLE public.pets IN ACCESS EXCLUSIVE MODE')
    await reader.query('ROLLBACK')
    expect(await applied()).toContain('2_new')
  })

  test('one attempt in five waits so long that PostgreSQL ends an autovacuum for it', async () => {
    // The fifth attempt waits for longer than deadlock_timeout.
    const [reader, watcher] = [await database.connect(), await database.connect()]
    await reader.query('BEGIN; SELECT * FROM pets')
    const undoing = undoPhase(database, dropping, ['2_new'], 'r', 'contract', over())
    let longest = 0
    while (said.filter(line => /attempt|retrying/.test(line)).length < 5) {
      const { rows } = await watcher.query(
        `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float AS seconds FROM pg_locks
         WHERE NOT granted AND relation = 'pets'::regclass`,
      )
      longest = Math.max(longest, rows[0].seconds)
    }
    await reader.query('ROLLBACK')
    await undoing
    expect(longest).toBeGreaterThan(1)
  })

  test('many rows are repaired in parts, each in a transaction of its own', async () => {
    await database.run(`INSERT INTO pets SELECT n, 'many', 4 FROM generate_series(11, 12000) AS n`)
    const repairing = files({
      '2_new': {
        prepare: `-- All of them.
          SELECT langfuse_rollout.rewrite_rows('pets', 'legs = 5', 'this.legs = 4', 'why');
          SELECT langfuse_rollout.delete_rows('pets', 'this.id <= 6000', 'why');`,
        validate: `SELECT langfuse_rollout.rewrite_rows('pets', 'legs = 6', 'this.legs = 5', 'why');`,
      },
    })
    await undoPhase(database, repairing, ['2_new'], 'r', 'contract', over())
    expect(
      await database.run(
        'SELECT legs, count(*)::int, count(DISTINCT xmin::text)::int AS parts FROM pets GROUP BY 1',
      ),
    ).toEqual([{ legs: 5, count: 6000, parts: 2 }])
    const counts = await undoPhase(database, repairing, ['2_new'], 'r', 'validate', over())
    expect(counts).toMatchObject({ postgres: 0, archivedRows: 6000 })
    expect(
      await database.run('SELECT legs, count(DISTINCT xmin::text)::int AS parts FROM pets GROUP BY 1'),
    ).toEqual([{ legs: 6, parts: 2 }])
    const archived = await database.run('SELECT count(*)::int FROM langfuse_rollout.archived_rows')
    expect(archived).toEqual([{ count: 12_000 + 6_000 + 6_000 }])
    expect(said).toEqual([
      "2_new: prepare: SELECT langfuse_rollout.rewrite_rows('pets', 'legs = 5', 'this.legs = 4', 'why')",
      "2_new: prepare: SELECT langfuse_rollout.delete_rows('pets', 'this.id <= 6000', 'why')",
      "2_new: validate: SELECT langfuse_rollout.rewrite_rows('pets', 'legs = 6', 'this.legs = 5', 'why')",
    ])
  })
})

describe('indexes that come back beside the running release', () => {
  const indexing = (name = 'by_name'): Phases => ({
    validate: `-- The table can be big.
      SELECT langfuse_rollout.drop_invalid_index('${name}');
      CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name} ON public.pets (name);`,
  })
  const indexes = async (): Promise<readonly unknown[]> =>
    (
      await database.run(`SELECT indexrelid::regclass::text AS name, indisvalid FROM pg_index
      WHERE indrelid = 'pets'::regclass AND NOT indisprimary ORDER BY 1`)
    ).map(row => Object.values(row))

  test('wait for a transaction that is older, however long it takes, while others go on', async () => {
    const [old, other] = [await database.connect(), await database.connect()]
    await old.query(`BEGIN; UPDATE pets SET name = 'x' WHERE id = 1`)
    let isOver = false
    const undoing = undoPhase(
      database,
      files({ '2_new': indexing() }),
      ['2_new'],
      'r',
      'validate',
      over(),
    ).finally(() => {
      isOver = true
    })
    const until = performance.now() + 1_500
    while (performance.now() < until) await other.query(`UPDATE pets SET name = 'y' WHERE id = 2`)
    expect(isOver).toBe(false)
    await old.query('COMMIT')
    await undoing
    expect(await indexes()).toEqual([['by_name', true]])
  })

  test('replace what an earlier try left', async () => {
    await database.run(`UPDATE pets SET name = 'same'`)
    await expect(database.run('CREATE UNIQUE INDEX CONCURRENTLY by_name ON pets (name)')).rejects.toThrow()
    expect(await indexes()).toEqual([['by_name', false]])
    await undoPhase(database, files({ '2_new': indexing() }), ['2_new'], 'r', 'validate', over())
    expect(await indexes()).toEqual([['by_name', true]])
  })

  test('do not come back when an older migration, undone as well, had made them', async () => {
    const catalog = files({
      '2_new': indexing(),
      '1_old': { contract: `SELECT langfuse_rollout.drop_index('by_name');` },
    })
    await undo(database, catalog, all, 'r')
    expect(await indexes()).toEqual([])
    await undo(database, catalog, ['2_new'], 'r2')
    expect(await indexes()).toEqual([['by_name', true]])
  })

  test('are not needed when an older migration, undone as well, takes the table away', async () => {
    const catalog = files({
      '2_new': {
        validate: `${indexing().validate} ALTER TABLE public.pets VALIDATE CONSTRAINT none;
          CREATE TABLE public.last (a int);`,
      },
      '1_old': { contract: `SELECT langfuse_rollout.drop_table('pets');` },
    })
    await undo(database, catalog, all, 'r', over())
    expect(said.filter(line => /the object of this statement no longer exists/.test(line))).toHaveLength(2)
    await database.run('SELECT FROM last')
    expect(await journal()).toMatchObject([{ phase: 'validate' }, { phase: 'validate' }])
  })
})

test('settings of the role and of the database decide nothing', async () => {
  await database.run(`
    CREATE SCHEMA langfuse; CREATE TABLE langfuse.pets (id int);
    CREATE TABLE public.parents (id int PRIMARY KEY); INSERT INTO public.parents VALUES (1);
    ALTER TABLE public.pets ADD COLUMN parent int REFERENCES public.parents DEFERRABLE INITIALLY DEFERRED, ADD COLUMN made timestamp DEFAULT now();
    ALTER DATABASE "${database.name}" SET default_transaction_read_only = on;
    ALTER DATABASE "${database.name}" SET default_transaction_isolation = 'serializable';
    ALTER DATABASE "${database.name}" SET statement_timeout = '1s';
    ALTER DATABASE "${database.name}" SET search_path = langfuse;
    ALTER DATABASE "${database.name}" SET standard_conforming_strings = off;
    ALTER DATABASE "${database.name}" SET timezone = 'Asia/Tokyo';
    ALTER DATABASE "${database.name}" SET quote_all_identifiers = on;
    DO $$ BEGIN END $$;
    ALTER DATABASE "${database.name}" SET plpgsql.extra_errors = 'all';
    ALTER DATABASE "${database.name}" SET datestyle = 'SQL, DMY';`)
  const catalog = files({
    '2_new': {
      contract: `SELECT langfuse_rollout.rewrite_rows('pets', 'parent = 1', 'this.id = 1', 'a\\b');
        ALTER TABLE pets ADD COLUMN colour text;
        SELECT pg_sleep(1.2);
        INSERT INTO pets (id, made) VALUES (11, current_timestamp);`,
    },
  })
  await undo(database, catalog, ['2_new'], 'r')
  expect(await database.run('SELECT relation, reason FROM langfuse_rollout.archived_rows')).toEqual([
    { relation: 'public.pets', reason: 'a\\b' },
  ])
  expect(
    await database.run(`SELECT count(colour)::int, count(parent)::int AS parents,
      max(abs(extract(epoch FROM made - now() AT TIME ZONE 'UTC'))) FILTER (WHERE id = 11) < 100 AS is_utc
      FROM public.pets`),
  ).toEqual([{ count: 0, parents: 1, is_utc: true }])
})

test('a session whose foreign keys are off is refused before anything changes', async () => {
  await postgres.asSuperuser(`ALTER DATABASE "${database.name}" SET session_replication_role = replica`)
  const dropping = files({ '2_new': { contract: `SELECT langfuse_rollout.drop_column('pets', 'legs');` } })
  await expect(undo(database, dropping, ['2_new'], 'r')).rejects.toThrow(
    "Sessions of PostgreSQL's role langfuse have session_replication_role = replica, which turns foreign keys off. Nothing was changed.",
  )
  expect(await database.run(`SELECT to_regnamespace('langfuse_rollout') AS archive`)).toEqual([
    { archive: null },
  ])
  await postgres.asSuperuser(`GRANT SET ON PARAMETER session_replication_role TO langfuse`)
  expect(await undo(database, dropping, ['2_new'], 'r')).toMatchObject({ postgres: 1 })
})

describe('a role without the rights', () => {
  /** As the database, but for another role. */
  const as = (role: string): Postgres => ({
    address: role,
    at: { host: 'db', port: 5432, database: 'langfuse', schema: 'public' },
    connect: async () => {
      const session = await postgresOf(database).connect()
      await session.run(`SET ROLE "${role}"`)
      return session
    },
  })
  const dropping = files({ '2_new': { contract: `SELECT langfuse_rollout.drop_column('pets', 'legs');` } })

  test('to make a schema is told so', async () => {
    await database.run('CREATE ROLE "no rights"; GRANT "no rights" TO langfuse')
    const error = await failureOf(
      undoPhase(database, dropping, ['2_new'], 'r', 'expand', over({ postgres: as('no rights') })),
    )
    expect(error.message).toBe(
      "PostgreSQL could not create the archive (schema langfuse_rollout); PostgreSQL rolled back its transaction. The database user must own Langfuse's tables and be allowed to create a schema.",
    )
    expect(error.cause).toMatchObject({ message: expect.stringMatching(/^permission denied for database/) })
  })

  test('to the tables is told so, also where an administrator has made the schema', async () => {
    await database.run(`CREATE ROLE guest; GRANT guest TO langfuse; CREATE SCHEMA langfuse_rollout AUTHORIZATION guest;
      GRANT SELECT ON pets TO guest; GRANT SELECT, DELETE ON _prisma_migrations TO guest`)
    const error = await failureOf(
      undoPhase(database, dropping, ['2_new'], 'r', 'contract', over({ postgres: as('guest') })),
    )
    expect(error.message).toMatch(/^The contract down SQL of 2_new failed; .* must own Langfuse's tables/)
    expect(error.cause).toMatchObject({ message: 'permission denied for table pets' })
  })
})

test('what takes longer than the run may is ended, and said', async () => {
  const error = await failureOf(
    undoPhase(
      database,
      files({ '2_new': { contract: 'SELECT pg_sleep(20);' } }),
      ['2_new'],
      'r',
      'contract',
      over({
        clock: { now: () => 0, random: () => 0, every: () => () => undefined, sleep: async () => undefined },
        deadline: 1_000,
      }),
    ),
  )
  expect(error.message).toMatch(
    /The contract down SQL of .* failed; .* rolled back its transaction. It exceeded the timeout of this run.$/,
  )
})

test('an index of a user that cannot come back is told of', async () => {
  await database.run(`CREATE TYPE kind AS ENUM ('cat', 'dog'); ALTER TABLE pets ADD COLUMN kind kind;
    CREATE INDEX dogs ON pets (id) WHERE kind = 'dog'`)
  const catalog = files({
    '2_new': { contract: `SELECT langfuse_rollout.rebuild_enum('kind', '{cat}', '{"dog": "cat"}');` },
  })
  await undoPhase(database, catalog, ['2_new'], 'r', 'contract', over())
  expect(said).toContain(
    `not recreated, because it uses an enum label that no longer exists: CREATE INDEX dogs ON public.pets USING btree (id) WHERE (kind = 'dog'::public.kind)`,
  )
})

test('values of rows are not in what an error says', async () => {
  const catalog = files({
    '2_new': { contract: `INSERT INTO public.pets VALUES (1, 'secret', 1);` },
    '1_old': { contract: 'ALTER TABLE public.pets ADD CHECK (name IS NULL);' },
  })
  for (const name of all) {
    const error = await failureOf(undoPhase(database, catalog, [name], 'r', 'contract'))
    expect(JSON.stringify([error.message, error.evidence, (error.cause as Error).message])).not.toMatch(
      /secret|\(1\)|pet 1/,
    )
  }
})
