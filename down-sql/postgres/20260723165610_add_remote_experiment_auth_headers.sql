-- undoes: 20260723165610_add_remote_experiment_auth_headers
-- class: schema
-- loses: nothing; headers and secrets of remote experiments go to the archive, encrypted as they are, and the older release calls without them
-- count: datasets whose remote experiment is called with headers or a signature: SELECT count(*) FROM public.datasets AS this WHERE this.remote_experiment_request_headers IS NOT NULL OR this.remote_experiment_secret_key IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('datasets', 'remote_experiment_display_headers');
SELECT langfuse_rollout.drop_column('datasets', 'remote_experiment_display_secret_key');
SELECT langfuse_rollout.drop_column('datasets', 'remote_experiment_request_headers');
SELECT langfuse_rollout.drop_column('datasets', 'remote_experiment_secret_key');
-- end
