-- undoes: 0032
-- class: schema
-- loses: nothing; the versions of dataset items that runs used go to the archive
-- count: values of dataset_run_items_rmt.dataset_item_version that go to the archive: SELECT count() FROM dataset_run_items_rmt WHERE dataset_item_version IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.archive_column('dataset_run_items_rmt', 'dataset_item_version', 'dataset_item_version IS NOT NULL');
SELECT langfuse_rollout.drop_columns('dataset_run_items_rmt', 'dataset_item_version');
-- end
