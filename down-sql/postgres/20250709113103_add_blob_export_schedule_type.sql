-- undoes: 20250709113103_add_blob_export_schedule_type
-- class: schema
-- loses: nothing; the start points of blob storage exports go to the archive; an export that has not run yet still starts there
-- count: exports to blob storage that do not start with all of the history: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.export_mode::text <> 'FULL_HISTORY' OR this.export_start_date IS NOT NULL
--
-- The older release exports from last_sync_at on, and all of the history where that is NULL. An export that was meant to
-- start today or on a date, and has not run yet, would copy everything. It gets its start as last_sync_at, from which
-- the newer release goes on just the same, so this can be done while it still runs. Both releases plan a run by
-- next_sync_at once last_sync_at is set, so that must not be NULL either.

-- phase: expand
-- to_jsonb, because the columns are gone when this runs a second time.
SELECT langfuse_rollout.rewrite_rows('blob_storage_integrations',
  'last_sync_at = coalesce((to_jsonb(this) ->> ''export_start_date'')::timestamp, timezone(''UTC'', now())),
   next_sync_at = coalesce(this.next_sync_at, timezone(''UTC'', now()))',
  'this.last_sync_at IS NULL AND to_jsonb(this) ->> ''export_mode'' <> ''FULL_HISTORY''',
  'the older release would export all of the history');

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'export_mode');
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'export_start_date');
SELECT langfuse_rollout.drop_enum('BlobStorageExportMode');
-- end
