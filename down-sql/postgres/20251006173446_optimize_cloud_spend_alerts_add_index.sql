-- undoes: 20251006173446_optimize_cloud_spend_alerts_add_index
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('cloud_spend_alerts_org_id_idx');
-- end
