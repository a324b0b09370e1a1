-- undoes: 0011
-- class: schema
-- loses: nothing; the table moves to the archive. The older release finds files of events in event_log only, so it does not delete the files of events written since
-- count: rows of blob_storage_file_log that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'blob_storage_file_log'

-- phase: contract
SELECT langfuse_rollout.drop_table('blob_storage_file_log');
-- end
