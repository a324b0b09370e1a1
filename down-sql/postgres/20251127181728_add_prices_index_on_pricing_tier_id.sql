-- undoes: 20251127181728_add_prices_index_on_pricing_tier_id
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('prices_pricing_tier_id_idx');
-- end
