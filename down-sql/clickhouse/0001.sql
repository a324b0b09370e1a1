-- undoes: 0001
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: rows of traces that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'traces'
--
-- Langfuse 2.93.7 has this table already, so no rollback comes here; for completeness.

-- phase: contract
SELECT langfuse_rollout.drop_table('traces');
-- end
