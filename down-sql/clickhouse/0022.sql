-- undoes: 0022
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: rows of dataset_run_items that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'dataset_run_items'

-- phase: contract
SELECT langfuse_rollout.drop_table('dataset_run_items');
-- end
