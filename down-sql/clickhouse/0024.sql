-- undoes: 0024
-- class: schema
-- loses: nothing; the table moves to the archive; the older release reads run items from PostgreSQL
-- count: rows of dataset_run_items_rmt that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'dataset_run_items_rmt'

-- phase: contract
SELECT langfuse_rollout.drop_table('dataset_run_items_rmt');
-- end
