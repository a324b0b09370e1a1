-- undoes: 20251024193002_add_mixpanel_integration
-- class: schema
-- loses: nothing; connections to Mixpanel go to the archive, with their tokens encrypted as they are
-- count: connections to Mixpanel that go to the archive: SELECT count(*) FROM public.mixpanel_integrations

-- phase: contract
SELECT langfuse_rollout.drop_table('mixpanel_integrations');
-- end
