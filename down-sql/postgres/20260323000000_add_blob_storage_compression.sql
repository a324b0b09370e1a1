-- undoes: 20260323000000_add_blob_storage_compression
-- class: schema
-- loses: nothing; the compression settings of exports go to the archive; the older release writes uncompressed files
-- count: blob storage integrations that write compressed files, and will not: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.compressed
--
-- The archive keeps the values that are not the default, which is true: the integrations from before the column.

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'compressed');
-- end
