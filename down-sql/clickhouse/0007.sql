-- undoes: 0007
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: rows of event_log that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'event_log'

-- phase: contract
SELECT langfuse_rollout.drop_table('event_log');
-- end
