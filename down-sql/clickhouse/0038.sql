-- undoes: 0038
-- class: schema
-- loses: nothing; the table moves to the archive. It holds observations of the last 48 hours on their way into events_full
-- count: rows of observations_batch_staging that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'observations_batch_staging'
--
-- In the archive the table has no TTL, so its rows stay.
-- Some who tried v4 in advance made this table and those of 0039 to 0041 before migrating, with a v3 release that writes
-- into them (LANGFUSE_MIGRATION_V4_WRITE_MODE=dual). Such a release misses them after the rollback: set that to legacy.

-- phase: contract
SELECT langfuse_rollout.drop_table('observations_batch_staging');
-- end
