-- undoes: 20260203102941_job_execution_add_dataset_version_col
-- class: schema
-- loses: nothing; the dataset item versions that evaluations read go to the archive
-- count: evaluations that name the version of their dataset item: SELECT count(*) FROM public.job_executions AS this WHERE this.job_input_dataset_item_valid_from IS NOT NULL
--
-- The table can be big: its values are copied before contract, so that dropping the column takes a moment.

-- phase: prepare
SELECT langfuse_rollout.archive_column('job_executions', 'job_input_dataset_item_valid_from');

-- phase: contract
SELECT langfuse_rollout.drop_column('job_executions', 'job_input_dataset_item_valid_from');
-- end
