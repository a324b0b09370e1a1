-- undoes: 0044
-- class: lossy
-- loses: the rows of event_log, which the upgrade dropped; it comes back empty. Releases from 3.53.0 on read blob_storage_file_log, where a background migration copied the rows

-- phase: keep
SELECT langfuse_rollout.keep_table('event_log');

-- phase: expand
CREATE TABLE IF NOT EXISTS event_log (
  id String,
  project_id String,
  entity_type String,
  entity_id String,
  event_id Nullable(String),
  bucket_name String,
  bucket_path String,
  created_at DateTime64(3) DEFAULT now(),
  updated_at DateTime64(3) DEFAULT now()
) ENGINE = MergeTree
ORDER BY (project_id, entity_type, entity_id);

SELECT langfuse_rollout.give_back_table('event_log');
-- end
