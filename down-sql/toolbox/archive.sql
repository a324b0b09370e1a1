-- The archive: everything that down SQL drops or rewrites is put here first, under the rollback's id and the migration
-- that is undone, so that a later upgrade or a person can put it back. Each statement may run again.

DO $archive$
BEGIN
  -- CREATE SCHEMA IF NOT EXISTS asks for the right to create a schema even where an administrator has made it already.
  IF pg_catalog.to_regnamespace('langfuse_rollout') IS NULL THEN
    CREATE SCHEMA langfuse_rollout;
  END IF;
END
$archive$;

-- Rows and values. Values of type json are kept as their text.
-- kind: 'row' (a row as it was), 'values' (its primary key and one column), 'definition' (what an object consisted of).
-- written: what the rollback put in its place, the changed columns only; NULL for a row that it deleted.
-- outcome: what langfuse_rollout.restore said of it; NULL before.
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

-- Columns whose values are in archived_rows. A row with the default that definition names is not there.
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

-- Tables that were moved here whole.
CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_tables (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  stored_as text NOT NULL,
  rows bigint,
  archived_at timestamptz NOT NULL DEFAULT now()
);

-- The last phase that is over for each migration that is being undone: the next run continues a killed rollback from
-- here. Postgres migrations are over with validate, ClickHouse's with contract.
CREATE TABLE IF NOT EXISTS langfuse_rollout.journal (
  store text NOT NULL CHECK (store IN ('postgres', 'clickhouse')),
  migration text NOT NULL,
  rollback_id text NOT NULL,
  phase text NOT NULL CHECK (phase IN ('expand', 'contract', 'validate')),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (store, migration)
);
