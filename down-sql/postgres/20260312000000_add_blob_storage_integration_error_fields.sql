-- undoes: 20260312000000_add_blob_storage_integration_error_fields
-- class: schema
-- loses: nothing; the last error of each export goes to the archive
-- count: blob storage integrations with an error: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.last_error IS NOT NULL OR this.last_error_at IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'last_error');
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'last_error_at');
-- end
