-- undoes: 20250529071241_make_blobstorage_integration_credentials_optional
-- class: schema
-- loses: nothing; blob storage exports that use the host's own credentials are turned off
-- count: exports to blob storage with the host's own credentials, which are turned off: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.access_key_id IS NULL OR this.secret_access_key IS NULL
--
-- The older release signs with the key of the row and nothing else. With an empty one it would fail on every run, so
-- the export is switched off. To the newer release an empty key means the same as none.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('blob_storage_integrations',
  'access_key_id = coalesce(this.access_key_id, ''''), secret_access_key = coalesce(this.secret_access_key, ''''),
   enabled = false',
  'this.access_key_id IS NULL OR this.secret_access_key IS NULL',
  'it uses the host''s own credentials, which the older release cannot');
SELECT langfuse_rollout.set_not_null('blob_storage_integrations', 'access_key_id', NULL);
SELECT langfuse_rollout.set_not_null('blob_storage_integrations', 'secret_access_key', NULL);
-- end
