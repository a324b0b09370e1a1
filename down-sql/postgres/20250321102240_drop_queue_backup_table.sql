-- undoes: 20250321102240_drop_queue_backup_table
-- class: lossy
-- loses: the rows of queue_backups, which the upgrade dropped: queue entries that an administrator backed up by hand and did not restore
--
-- The table comes back empty.

-- phase: expand
CREATE TABLE IF NOT EXISTS public.queue_backups (
  id text CONSTRAINT queue_backups_pkey PRIMARY KEY,
  project_id text,
  queue_name text NOT NULL,
  content jsonb NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
-- end
