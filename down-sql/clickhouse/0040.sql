-- undoes: 0040
-- class: schema
-- loses: nothing; the table moves to the archive. It is a shortened copy of events_full
-- count: rows of events_core that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'events_core'
--
-- For an older ClickHouse the same is true as for events_full: see 0039.

-- phase: contract
SELECT langfuse_rollout.drop_table('events_core');
-- end
