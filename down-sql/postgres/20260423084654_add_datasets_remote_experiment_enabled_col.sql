-- undoes: 20260423084654_add_datasets_remote_experiment_enabled_col
-- class: schema
-- loses: nothing; the list of datasets with a disabled remote experiment goes to the archive
-- count: datasets whose remote experiment is off, and can be started again: SELECT count(*) FROM public.datasets AS this WHERE NOT this.remote_experiment_enabled

-- phase: contract
SELECT langfuse_rollout.drop_column('datasets', 'remote_experiment_enabled');
-- end
