-- undoes: 0023
-- class: schema
-- loses: nothing; the tables move to the archive, where no TTL deletes their rows
-- count: rows of traces_all_amt that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'traces_all_amt'
-- count: rows of traces_7d_amt that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'traces_7d_amt'
-- count: rows of traces_30d_amt that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'traces_30d_amt'
--
-- First the views, which write into the tables. traces_null holds no rows: it only feeds the views.

-- phase: contract
DROP VIEW IF EXISTS traces_all_amt_mv;
DROP VIEW IF EXISTS traces_7d_amt_mv;
DROP VIEW IF EXISTS traces_30d_amt_mv;
SELECT langfuse_rollout.drop_table('traces_all_amt');
SELECT langfuse_rollout.drop_table('traces_7d_amt');
SELECT langfuse_rollout.drop_table('traces_30d_amt');
SELECT langfuse_rollout.drop_table('traces_null');
-- end
