-- undoes: 20260619120000_add_blob_storage_export_tuning
-- class: schema
-- loses: nothing; the settings go to the archive
-- count: blob storage integrations with settings of their own: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.export_tuning IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'export_tuning');
-- end
