import type { Picture } from './picture.ts'
import type { GeneratedDownSql } from './way-back.ts'

/**
 * Where a database keeps the way back over migrations that nobody has reviewed, and the picture from before they were
 * applied: a run that is killed in between leaves it to the next one.
 */
export const generatedStoreSql = `
CREATE SCHEMA IF NOT EXISTS langfuse_rollout;
CREATE TABLE IF NOT EXISTS langfuse_rollout.generated_down_sql (
  migration text PRIMARY KEY,
  sql text NOT NULL,
  made_from text NOT NULL,
  together text[] NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS langfuse_rollout.schema_pictures (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  picture jsonb NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now()
);
`

type Run = (
  sql: string,
  parameters?: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>

export async function readGenerated(run: Run): Promise<readonly GeneratedDownSql[]> {
  if (!(await exists(run, 'generated_down_sql'))) return []
  const rows = await run(
    'SELECT migration, sql, made_from, together FROM langfuse_rollout.generated_down_sql ORDER BY migration COLLATE "C"',
  )
  return rows.map(row => ({
    migration: String(row['migration']),
    sql: String(row['sql']),
    madeFrom: String(row['made_from']),
    together: (row['together'] as readonly string[]).map(String),
  }))
}

export async function writeGenerated(run: Run, generated: readonly GeneratedDownSql[]): Promise<void> {
  for (const { migration, sql, madeFrom, together } of generated) {
    await run(
      `INSERT INTO langfuse_rollout.generated_down_sql (migration, sql, made_from, together) VALUES ($1, $2, $3, $4)
       ON CONFLICT (migration) DO UPDATE SET sql = excluded.sql, made_from = excluded.made_from,
         together = excluded.together, made_at = now()`,
      [migration, sql, madeFrom, together],
    )
  }
}

/** The picture that waits for what it is the beginning of. */
export async function readPicture(run: Run): Promise<Picture | undefined> {
  if (!(await exists(run, 'schema_pictures'))) return undefined
  const [row] = await run('SELECT picture FROM langfuse_rollout.schema_pictures ORDER BY id DESC LIMIT 1')
  return row === undefined ? undefined : (row['picture'] as Picture)
}

export async function writePicture(run: Run, picture: Picture): Promise<void> {
  await run(generatedStoreSql)
  await run(
    `WITH older AS (DELETE FROM langfuse_rollout.schema_pictures)
     INSERT INTO langfuse_rollout.schema_pictures (picture) VALUES ($1::jsonb)`,
    [JSON.stringify(picture)],
  )
}

export async function forgetPicture(run: Run): Promise<void> {
  await run('DELETE FROM langfuse_rollout.schema_pictures')
}

async function exists(run: Run, table: string): Promise<boolean> {
  const [row] = await run(`SELECT to_regclass('langfuse_rollout.${table}') IS NOT NULL AS present`)
  return row?.['present'] === true
}
