-- undoes: 20260616000000_add_blob_storage_run_started_at
-- class: schema
-- loses: nothing; the last start time of each export goes to the archive
-- count: blob storage integrations that have started a run: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.run_started_at IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'run_started_at');
-- end
