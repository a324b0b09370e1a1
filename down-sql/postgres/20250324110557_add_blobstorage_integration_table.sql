-- undoes: 20250324110557_add_blobstorage_integration_table
-- class: schema
-- loses: nothing; exports to blob storage go to the archive, and the older release does not run them
-- count: exports to blob storage that go to the archive: SELECT count(*) FROM public.blob_storage_integrations

-- phase: contract
SELECT langfuse_rollout.drop_table('blob_storage_integrations');
SELECT langfuse_rollout.drop_enum('BlobStorageIntegrationType');
-- end
