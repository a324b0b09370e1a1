-- undoes: 20250402142320_add_blobstorage_integration_file_type
-- class: schema
-- loses: nothing; the file types of exports to blob storage go to the archive, and the older release writes CSV
-- count: exports to blob storage that write something other than CSV: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.file_type::text <> 'CSV'

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'file_type');
SELECT langfuse_rollout.drop_enum('BlobStorageIntegrationFileType');
-- end
