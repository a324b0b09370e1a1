/**
 * The journal of rollbacks: the last phase that is over for each migration that is being undone, so that a run
 * which was killed can be gone on with. Postgres migrations are over with `validate`, ClickHouse's with `contract`.
 */
export const journalSql = `
CREATE TABLE IF NOT EXISTS langfuse_rollout.journal (
  store text NOT NULL CHECK (store IN ('postgres', 'clickhouse')),
  migration text NOT NULL,
  rollback_id text NOT NULL,
  phase text NOT NULL CHECK (phase IN ('expand', 'contract', 'validate')),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (store, migration)
);
`
