import type { PostgresSession, Row } from '../ports/databases.ts'

/**
 * Creates a table in schema `langfuse_rollout`, if it is missing. `CREATE … IF NOT EXISTS` needs the privilege also where
 * the object exists.
 */
export async function createTable(session: PostgresSession, table: string, columns: string): Promise<void> {
  // Two runs may create it at the same time: one of them finds it.
  await session.run(`DO $$ BEGIN
    BEGIN
      IF to_regnamespace('langfuse_rollout') IS NULL THEN CREATE SCHEMA langfuse_rollout; END IF;
    EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL;
    END;
    BEGIN
      IF to_regclass('langfuse_rollout.${table}') IS NULL THEN CREATE TABLE langfuse_rollout.${table} (${columns}); END IF;
    EXCEPTION WHEN duplicate_table OR unique_violation THEN NULL;
    END;
  END $$`)
}

/** The one row of a table in schema `langfuse_rollout`; undefined: there is no such table or row. */
export async function readOnlyRow(
  session: PostgresSession,
  table: string,
  columns: string,
): Promise<Row | undefined> {
  const [found] = await session.run(`SELECT to_regclass('langfuse_rollout.${table}') IS NOT NULL AS present`)
  if (found?.['present'] !== true) return undefined
  const [row] = await session.run(`SELECT ${columns} FROM langfuse_rollout.${table}`)
  return row
}

/** Which stack a database belongs to: set by deploy over a connection that is proven to be the worker's. */
export type StackMark = {
  /** ARN of the worker's ECS service, which contains region, account and cluster. */
  readonly worker: string
  /** The server that was marked: a copy of its database has the same mark and is another server. */
  readonly server: string
}

export async function readMark(session: PostgresSession): Promise<StackMark | undefined> {
  const row = await readOnlyRow(session, 'stack_mark', 'worker, server')
  return row && { worker: String(row['worker']), server: String(row['server']) }
}

/** Idempotent. */
export async function writeMark({ worker, server }: StackMark, session: PostgresSession): Promise<void> {
  await createTable(
    session,
    'stack_mark',
    `one boolean PRIMARY KEY DEFAULT true CHECK (one), worker text NOT NULL, server text NOT NULL,
     at timestamptz NOT NULL DEFAULT now()`,
  )
  await session.run(
    `INSERT INTO langfuse_rollout.stack_mark (worker, server) VALUES ($1, $2)
     ON CONFLICT (one) DO UPDATE SET worker = excluded.worker, server = excluded.server, at = now()`,
    [worker, server],
  )
}
