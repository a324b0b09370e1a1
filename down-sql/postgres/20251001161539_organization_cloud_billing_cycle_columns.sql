-- undoes: 20251001161539_organization_cloud_billing_cycle_columns
-- class: schema
-- loses: nothing; billing cycles of organizations go to the archive, and the next upgrade starts them from the organization's date again
-- count: organizations with a billing cycle: SELECT count(*) FROM public.organizations AS this WHERE this.cloud_billing_cycle_anchor IS NOT NULL OR this.cloud_billing_cycle_updated_at IS NOT NULL OR this.cloud_current_cycle_usage IS NOT NULL OR this.cloud_free_tier_usage_threshold_state IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('organizations', 'cloud_billing_cycle_anchor');
SELECT langfuse_rollout.drop_column('organizations', 'cloud_billing_cycle_updated_at');
SELECT langfuse_rollout.drop_column('organizations', 'cloud_current_cycle_usage');
SELECT langfuse_rollout.drop_column('organizations', 'cloud_free_tier_usage_threshold_state');
-- end
