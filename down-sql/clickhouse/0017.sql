-- undoes: 0017
-- class: schema
-- loses: nothing; the dataset run ids of scores go to the archive
-- count: values of scores.dataset_run_id that go to the archive: SELECT count() FROM scores WHERE dataset_run_id IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.archive_column('scores', 'dataset_run_id', 'dataset_run_id IS NOT NULL');
SELECT langfuse_rollout.drop_columns('scores', 'dataset_run_id');
-- end
