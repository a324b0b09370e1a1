-- undoes: 20260506000000_add_blob_storage_export_field_groups
-- class: schema
-- loses: nothing; the chosen groups of fields go to the archive, and the older release exports the fields it has always exported
-- count: blob storage integrations with a choice of fields of their own: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.export_field_groups <> ARRAY['core', 'basic', 'time', 'io', 'metadata', 'model', 'usage', 'prompt', 'metrics', 'tools', 'trace_context']

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'export_field_groups');
-- end
