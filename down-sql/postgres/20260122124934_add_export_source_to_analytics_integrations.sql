-- undoes: 20260122124934_add_export_source_to_analytics_integrations
-- class: schema
-- loses: nothing; the export settings of each integration go to the archive; the older release exports traces and observations
-- count: blob storage integrations that export something other than traces and observations: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.export_source::text <> 'TRACES_OBSERVATIONS'
-- count: Mixpanel integrations that export something other than traces and observations: SELECT count(*) FROM public.mixpanel_integrations AS this WHERE this.export_source::text <> 'TRACES_OBSERVATIONS'
-- count: PostHog integrations that export something other than traces and observations: SELECT count(*) FROM public.posthog_integrations AS this WHERE this.export_source::text <> 'TRACES_OBSERVATIONS'

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'export_source');
SELECT langfuse_rollout.drop_column('mixpanel_integrations', 'export_source');
SELECT langfuse_rollout.drop_column('posthog_integrations', 'export_source');
SELECT langfuse_rollout.drop_enum('AnalyticsIntegrationExportSource');
-- end
