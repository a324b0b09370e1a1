-- undoes: 20250321102240_drop_queue_backup_table
-- class: lossy
-- loses: the rows of queue_backups, which the upgrade dropped: queue entries that an administrator backed up by hand and did not restore
--
-- Without what deploy kept, the table comes back empty.
--
-- Kept as a copy: up to 3.43.0 an administrator can back up and restore a queue (prisma.queueBackUp in
-- web/src/pages/api/admin/bullmq/index.ts, tags v3.29.0 and v3.43.0).

-- phase: keep
SELECT langfuse_rollout.keep_table_copy('queue_backups');

-- phase: expand
SELECT langfuse_rollout.give_back_table('queue_backups');
CREATE TABLE IF NOT EXISTS public.queue_backups (
  id text CONSTRAINT queue_backups_pkey PRIMARY KEY,
  project_id text,
  queue_name text NOT NULL,
  content jsonb NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- phase: prepare
SELECT langfuse_rollout.give_back_rows('queue_backups');
-- end
