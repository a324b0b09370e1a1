-- undoes: 0031
-- class: schema
-- loses: nothing; the pricing tiers of observations go to the archive
-- count: values of observations.usage_pricing_tier_id that go to the archive: SELECT count() FROM observations WHERE usage_pricing_tier_id IS NOT NULL
-- count: values of observations.usage_pricing_tier_name that go to the archive: SELECT count() FROM observations WHERE usage_pricing_tier_name IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.archive_column('observations', 'usage_pricing_tier_id', 'usage_pricing_tier_id IS NOT NULL');
SELECT langfuse_rollout.archive_column('observations', 'usage_pricing_tier_name', 'usage_pricing_tier_name IS NOT NULL');
SELECT langfuse_rollout.drop_columns('observations', 'usage_pricing_tier_id', 'usage_pricing_tier_name');
-- end
