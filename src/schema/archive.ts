import { toolboxSql } from './toolbox.ts'

/** The schema that holds what a rollback took away; never part of a snapshot. */
export const archiveSchema = 'langfuse_rollout'

/**
 * Makes the archive where it is not there yet, and installs the functions that down SQL is written with (toolbox.ts).
 * Everything that down SQL drops or rewrites is put here first, under the rollback's id and the migration that is
 * undone, so that a later upgrade or a person can put it back.
 *
 * - `archived_rows`: a row as it was (`kind` `row`), its primary key with one column (`values`), or what an object was
 *   made of (`definition`). Values of type json are kept as their text.
 *   `written` is what the rollback put in its place, the changed columns only, and NULL of rows that it took away;
 *   `outcome` is what langfuse_rollout.restore said of it, NULL before.
 * - `archived_columns`: columns whose values are in `archived_rows`; rows with the default of `definition` are not.
 * - `archived_tables`: tables that were moved here whole.
 */
export const archiveSql = `
DO $archive$
BEGIN
  -- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where an administrator has made it already.
  IF pg_catalog.to_regnamespace('langfuse_rollout') IS NULL THEN
    CREATE SCHEMA langfuse_rollout;
  END IF;
END
$archive$;

CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_rows (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  reason text NOT NULL,
  row jsonb NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now()
);
-- Archives of this project's first version have no kind.
ALTER TABLE langfuse_rollout.archived_rows
  ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'row' CHECK (kind IN ('row', 'values', 'definition'));
ALTER TABLE langfuse_rollout.archived_rows
  ADD COLUMN IF NOT EXISTS written jsonb,
  ADD COLUMN IF NOT EXISTS outcome text;
CREATE INDEX IF NOT EXISTS archived_rows_of_rollback
  ON langfuse_rollout.archived_rows (rollback_id, migration, relation);

CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_columns (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  column_name text NOT NULL,
  definition text NOT NULL,
  rows bigint NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now(),
  dropped_at timestamptz
);

CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_tables (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  stored_as text NOT NULL,
  rows bigint,
  archived_at timestamptz NOT NULL DEFAULT now()
);

${toolboxSql()}
`

/** The settings from which down SQL reads the rollback that runs it, and the migration that is being undone. */
export const rollbackIdSetting = 'langfuse_rollout.rollback_id'
export const migrationSetting = 'langfuse_rollout.migration'
