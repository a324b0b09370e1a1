-- undoes: 20251006173445_add_cloud_spend_alerts
-- class: schema
-- loses: nothing; spend alerts go to the archive, and the older release sends none
-- count: spend alerts that go to the archive: SELECT count(*) FROM public.cloud_spend_alerts

-- phase: contract
SELECT langfuse_rollout.drop_table('cloud_spend_alerts');
-- end
