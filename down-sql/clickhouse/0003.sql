-- undoes: 0003
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: rows of scores that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'scores'
--
-- Langfuse 2.93.7 has this table already, so no rollback comes here; for completeness.

-- phase: contract
SELECT langfuse_rollout.drop_table('scores');
-- end
