import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Database, Rows } from '../schema/databases.ts'

const PROGRAM = fileURLToPath(new URL('rollback-program.ts', import.meta.url))

const file = (migration: string, body: string) =>
  `-- undoes: ${migration}\n-- class: schema\n-- loses: nothing\n${body}\n-- end\n`

/** Three batches of rows that go, rows that are rewritten, two columns, a table and an enum's label. */
const FILES = JSON.stringify({
  '2_new': file(
    '2_new',
    `-- phase: expand
SELECT langfuse_rollout.add_column('pets', 'old', 'text');
-- phase: prepare
SELECT langfuse_rollout.delete_rows('pets', 'this.id > 4000', 'the older release knows no such pet');
SELECT langfuse_rollout.archive_column('pets', 'name');
SELECT langfuse_rollout.rewrite_rows('pets', 'legs = 4', 'this.legs = 3', 'it needs four');
-- phase: contract
SELECT langfuse_rollout.drop_column('pets', 'name');
SELECT langfuse_rollout.rebuild_enum('kind', '{cat}', '{"dog": "cat"}');`,
  ),
  '1_old': file(
    '1_old',
    `-- phase: prepare
SELECT langfuse_rollout.archive_column('pets', 'toys');
-- phase: contract
SELECT langfuse_rollout.drop_column('pets', 'toys');
SELECT langfuse_rollout.drop_table('owners');`,
  ),
})

export async function fill(database: Database): Promise<void> {
  await database.run(`
    CREATE TYPE kind AS ENUM ('cat', 'dog');
    CREATE TABLE pets (id int PRIMARY KEY, name text, legs int, toys jsonb, kind kind NOT NULL);
    INSERT INTO pets SELECT n, CASE WHEN n % 2 = 0 THEN 'pet ' || n END, 3 + n % 2, jsonb_build_array(n),
      CASE WHEN n % 3 = 0 THEN 'dog'::kind ELSE 'cat' END FROM generate_series(1, 15000) AS n;
    CREATE TABLE owners (id int); INSERT INTO owners VALUES (1), (2);
    CREATE TABLE _prisma_migrations (migration_name text); INSERT INTO _prisma_migrations VALUES ('1_old'), ('2_new')`)
}

export type Killed = { readonly when: 'before' | 'after'; readonly commit: number }

/** Runs the rollback in a process of its own; false: it was killed. */
export async function rollBack({ url }: Database, killed?: Killed): Promise<boolean> {
  const given = killed === undefined ? [] : [killed.when, String(killed.commit)]
  const child = spawn(process.execPath, [PROGRAM, url, FILES, ...given], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      output += String(chunk)
    })
  const [code, signal] = await new Promise<readonly [number | null, string | null]>(resolve =>
    child.once('close', (...end) => resolve(end)),
  )
  if (code === 1) throw new Error(output)
  return signal !== 'SIGKILL'
}

/** Everything in the archive but its serial numbers, times and id, and how many ids there are. */
export async function archiveOf(database: Database): Promise<Rows> {
  return database.run(`
    SELECT 'rows' AS what, md5(string_agg(concat_ws(' ', migration, relation, reason, kind, row, written), E'\\n'
      ORDER BY migration, relation, reason, kind, row)) AS content, count(*)::int AS count, count(DISTINCT rollback_id)::int AS ids
    FROM langfuse_rollout.archived_rows
    UNION ALL
    SELECT 'columns', string_agg(concat_ws(' ', migration, relation, column_name, definition, rows, dropped_at IS NULL), E'\\n'
      ORDER BY migration, relation, column_name), count(*), count(DISTINCT rollback_id) FROM langfuse_rollout.archived_columns
    UNION ALL
    SELECT 'tables', string_agg(concat_ws(' ', migration, relation, stored_as, rows), E'\\n' ORDER BY relation), count(*),
      count(DISTINCT rollback_id) FROM langfuse_rollout.archived_tables
    UNION ALL
    SELECT 'journal', string_agg(concat_ws(' ', migration, phase), E'\\n' ORDER BY migration), count(*),
      count(DISTINCT rollback_id) FROM langfuse_rollout.journal`)
}
