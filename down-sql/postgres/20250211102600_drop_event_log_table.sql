-- undoes: 20250211102600_drop_event_log_table
-- class: lossy
-- loses: the rows of event_log, which the upgrade dropped; releases 3.25 and 3.26 only compare them with the bucket, and only when LANGFUSE_S3_EVENT_UPLOAD_POSTGRES_LOG_ENABLED is true
--
-- Without what deploy kept, the table comes back empty. Its foreign key can be there at once, since an empty table has
-- nothing to look through.
--
-- Kept as a copy: with that variable, 3.25 and 3.26 insert and read rows (prisma.eventLog in
-- packages/shared/src/server/utils/eventLog.ts and worker/src/queues/ingestionQueue.ts, tags v3.25.0 and v3.26.0).

-- phase: keep
SELECT langfuse_rollout.keep_table_copy('event_log');

-- phase: expand
SELECT langfuse_rollout.give_back_table('event_log');
CREATE TABLE IF NOT EXISTS public.event_log (
  id text CONSTRAINT event_log_pkey PRIMARY KEY,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  bucket_name text NOT NULL,
  bucket_path text NOT NULL,
  project_id text NOT NULL
    CONSTRAINT event_log_project_id_fkey REFERENCES public.projects (id) ON UPDATE CASCADE ON DELETE CASCADE,
  entity_type text NOT NULL,
  entity_id text NOT NULL,
  event_id text NOT NULL,
  trace_id text
);
CREATE INDEX IF NOT EXISTS event_log_project_id_entity_type_entity_id_idx
  ON public.event_log (project_id, entity_type, entity_id);

-- phase: prepare
SELECT langfuse_rollout.give_back_rows('event_log');
-- end
