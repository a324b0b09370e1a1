-- undoes: 20260723124010_drop_dataset_run_items_table
-- class: restore
-- loses: the rows of dataset_run_items, which the upgrade dropped; v3 before 3.98.0 shows dataset runs without items
--
-- From 3.98.0 on, run items are in ClickHouse, where a background migration has copied these rows to: such a release
-- does without them. Without what deploy kept, only a snapshot from before v4 has the rows themselves. What v4 has written
-- since is not in them (events_only, its default, writes nothing that v3 reads).
--
-- Kept by moving it: from 3.104.0 on only the background migration reads it (worker/src/backgroundMigrations/
-- migrateDatasetRunItemsFromPostgresToClickhouseRmt.ts, tags v3.104.0, v3.190.0 and v3.225.4), and v4 is deployed over the
-- newest v3 alone. While that migration is not finished, the table is copied.
--
-- The two background migrations come back as deploy kept them. Without that they come back as finished: what they copied
-- from is gone, and v3 must not try.

-- phase: keep
SELECT langfuse_rollout.keep_table('dataset_run_items');
SELECT langfuse_rollout.keep_rows('background_migrations', 'this.name IN (''20250417_1737_migrate_event_log_to_blob_storage'',
  ''20250731_1001_migrate_dataset_run_items_pg_to_ch'', ''20250814_1001_migrate_dataset_run_items_rmt_pg_to_ch'')');

-- phase: expand
SELECT langfuse_rollout.give_back_table('dataset_run_items');
CREATE TABLE IF NOT EXISTS public.dataset_run_items (
  id text NOT NULL,
  project_id text NOT NULL,
  dataset_run_id text NOT NULL,
  dataset_item_id text NOT NULL,
  trace_id text NOT NULL,
  observation_id text,
  created_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT dataset_run_items_pkey PRIMARY KEY (id, project_id),
  CONSTRAINT dataset_run_items_dataset_run_id_project_id_fkey FOREIGN KEY (dataset_run_id, project_id)
    REFERENCES public.dataset_runs (id, project_id) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS dataset_run_items_dataset_run_id_idx ON public.dataset_run_items USING hash (dataset_run_id);
CREATE INDEX IF NOT EXISTS dataset_run_items_dataset_item_id_idx ON public.dataset_run_items USING hash (dataset_item_id);
CREATE INDEX IF NOT EXISTS dataset_run_items_observation_id_idx ON public.dataset_run_items USING hash (observation_id);
CREATE INDEX IF NOT EXISTS dataset_run_items_trace_id_idx ON public.dataset_run_items USING btree (trace_id);
CREATE INDEX IF NOT EXISTS dataset_run_items_created_at_idx ON public.dataset_run_items USING btree (created_at);
CREATE INDEX IF NOT EXISTS dataset_run_items_updated_at_idx ON public.dataset_run_items USING btree (updated_at);

-- phase: prepare
SELECT langfuse_rollout.give_back_rows('dataset_run_items');

-- phase: contract
SELECT langfuse_rollout.give_back_rows('background_migrations');
SELECT langfuse_rollout.insert_background_migration('c19b91d9-f9a2-468b-8209-95578f970c5b',
  '20250417_1737_migrate_event_log_to_blob_storage', 'migrateEventLogToBlobStorageRefTable', '{}');
SELECT langfuse_rollout.insert_background_migration('9f32e84c-7b1d-4f59-a803-d67ae5c9b2e8',
  '20250814_1001_migrate_dataset_run_items_rmt_pg_to_ch', 'migrateDatasetRunItemsFromPostgresToClickhouseRmt', '{}');
-- end
