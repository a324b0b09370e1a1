import { expect, test } from '@jest/globals'
import { lockTables, mentionsOf } from '../../src/execute/table-locks.ts'
import { postgresOf } from '../down-sql/undo.ts'
import { usePostgres } from '../schema/databases.ts'

const postgres = usePostgres()

test.each([
  ["SELECT langfuse_rollout.drop_column('api_keys', 'scope');", [['drop_column', 'api_keys', 'scope']]],
  ["PERFORM langfuse_rollout.rebuild_enum('Weird''s', ARRAY['A']);", [['rebuild_enum', "Weird's", '']]],
  [
    `SELECT langfuse_rollout.add_constraint('media', 'media_fk',
      'FOREIGN KEY (project_id) REFERENCES projects(id) NOT VALID');`,
    [
      ['refer', 'media', 'media_fk'],
      ['refer', 'projects', ''],
    ],
  ],
  [
    "SELECT langfuse_rollout.add_constraint('media', 'media_pkey', 'PRIMARY KEY (id)');",
    [['add_constraint', 'media', 'media_pkey']],
  ],
  ['ALTER TABLE public."Big Pets" DROP COLUMN x;', [['alter', 'Big Pets', '']]],
  ['CREATE UNIQUE INDEX IF NOT EXISTS a ON public.domains (domain);', [['refer', 'domains', '']]],
  ["SELECT langfuse_rollout.rewrite_rows('pets', 'a = 1', 'true', 'why');", []],
  ["-- SELECT langfuse_rollout.drop_table('pets');", []],
])('what %s changes', (sql, mentions) => {
  expect(mentionsOf(sql).map(({ call, name, part }) => [call, name, part])).toEqual(mentions)
})

test('the tables of a phase, and those that its foreign keys, indexes and types lead to', async () => {
  const database = await postgres.fresh()
  await database.run(`
    CREATE TYPE colour AS ENUM ('red');
    CREATE TABLE owners (id int PRIMARY KEY);
    CREATE TABLE rooms (id int PRIMARY KEY);
    CREATE TABLE houses (id int PRIMARY KEY, walls colour[]);
    CREATE TABLE pets (id int PRIMARY KEY, owner int REFERENCES owners, room int REFERENCES rooms);
    CREATE TABLE toys (id int PRIMARY KEY, name text);
    CREATE INDEX by_name ON toys (name);
    CREATE TABLE untouched (id int PRIMARY KEY REFERENCES pets)`)
  const session = await postgresOf(database).connect()
  await session.run('BEGIN')
  await lockTables(session, [
    "SELECT langfuse_rollout.drop_column('pets', 'owner'); SELECT langfuse_rollout.drop_index('by_name');",
    "SELECT langfuse_rollout.rebuild_enum('colour', ARRAY['red'], '{}');",
    'CREATE INDEX again ON public.rooms (id);',
    "SELECT langfuse_rollout.drop_table('not_there');",
  ])
  const locks = await session.run(
    `SELECT relation::regclass::text AS name, mode FROM pg_locks
     WHERE pid = pg_backend_pid() AND mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock') ORDER BY 1`,
  )
  expect(locks.map(({ name, mode }) => `${name} ${mode}`)).toEqual([
    'houses AccessExclusiveLock',
    'owners AccessExclusiveLock',
    'pets AccessExclusiveLock',
    'rooms ShareRowExclusiveLock',
    'toys AccessExclusiveLock',
  ])
  await session.run('ROLLBACK')
  await session.close()
})
