-- undoes: 20260113114006_dataset_item_events_drop_table
-- class: lossy
-- loses: the rows of dataset_item_events, which the upgrade dropped: an optional log of 3.135 and 3.136 that no release reads
--
-- Without what deploy kept, the table comes back empty, which is what it is wherever
-- LANGFUSE_DATASET_SERVICE_WRITE_TO_VERSIONED_IMPLEMENTATION was not set on those two releases.
--
-- Kept as a copy: with that variable, 3.135 and 3.136 insert rows (prisma.datasetItemEvent in
-- packages/shared/src/server/repositories/dataset-items.ts, tags v3.135.0 and v3.136.0; from v3.137.0 on nothing does).
-- The copy has no foreign key that a migration after 3.135 dropped: its rows come back into the table made here.

-- phase: keep
SELECT langfuse_rollout.keep_table_copy('dataset_item_events');

-- phase: expand
SELECT langfuse_rollout.give_back_table('dataset_item_events');
CREATE TABLE IF NOT EXISTS public.dataset_item_events (
  id text NOT NULL,
  item_id text NOT NULL,
  project_id text NOT NULL,
  dataset_id text NOT NULL,
  status public."DatasetStatus",
  input jsonb,
  expected_output jsonb,
  metadata jsonb,
  source_trace_id text,
  source_observation_id text,
  created_at timestamp(3) without time zone,
  deleted_at timestamp(3) without time zone,
  CONSTRAINT dataset_item_events_pkey PRIMARY KEY (id)
);
-- The name ends where PostgreSQL cut it off, at 63 bytes.
CREATE INDEX IF NOT EXISTS dataset_item_events_project_id_dataset_id_item_id_created_at_id
  ON public.dataset_item_events USING btree (project_id, dataset_id, item_id, created_at);

-- phase: prepare
SELECT langfuse_rollout.give_back_rows('dataset_item_events');
-- end
