-- undoes: 20260629000000_add_parquet_blob_storage_file_type
-- class: schema
-- loses: nothing; Parquet exports continue as JSONL; the archive keeps the original integrations
-- count: blob storage integrations that export Parquet, and will export JSONL: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.file_type::text = 'PARQUET'
--
-- Of what the older release can write, JSONL keeps the most: nested values and a row a line. The files that are there
-- already stay. Whoever reads the bucket has to know of the change, which the count tells before the rollback.

-- phase: contract
SELECT langfuse_rollout.rebuild_enum('BlobStorageIntegrationFileType', ARRAY['JSON', 'CSV', 'JSONL'],
  '{"PARQUET": "JSONL"}');
-- end
