-- undoes: 20250724114251_add_webhooks_datasets
-- class: schema
-- loses: nothing; the remote experiments of datasets go to the archive
-- count: datasets that start an experiment elsewhere: SELECT count(*) FROM public.datasets AS this WHERE this.remote_experiment_url IS NOT NULL OR this.remote_experiment_payload IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('datasets', 'remote_experiment_url');
SELECT langfuse_rollout.drop_column('datasets', 'remote_experiment_payload');
-- end
