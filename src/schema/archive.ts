/** The schema that holds what a rollback took away; never part of a snapshot. */
export const archiveSchema = 'langfuse_rollout'

/**
 * Makes the archive where it is not there yet. Down SQL puts every row here that it drops or rewrites, as it was,
 * under the rollback's id, so that a later upgrade or a person can put it back.
 */
export const archiveSql = `
CREATE SCHEMA IF NOT EXISTS langfuse_rollout;
CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_rows (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollback_id text NOT NULL CHECK (rollback_id <> ''),
  migration text NOT NULL,
  relation text NOT NULL,
  reason text NOT NULL,
  row jsonb NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now()
);
`

/** The setting from which down SQL reads the id of the rollback that runs it. */
export const rollbackIdSetting = 'langfuse_rollout.rollback_id'
