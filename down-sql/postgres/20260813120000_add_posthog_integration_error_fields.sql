-- undoes: 20260813120000_add_posthog_integration_error_fields
-- class: schema
-- loses: nothing; the last error of each export goes to the archive
-- count: PostHog integrations with an error: SELECT count(*) FROM public.posthog_integrations AS this WHERE this.last_error IS NOT NULL OR this.last_error_at IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('posthog_integrations', 'last_error');
SELECT langfuse_rollout.drop_column('posthog_integrations', 'last_error_at');
-- end
