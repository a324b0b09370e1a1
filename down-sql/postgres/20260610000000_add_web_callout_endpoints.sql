-- undoes: 20260610000000_add_web_callout_endpoints
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: callout endpoints that move to the archive: SELECT count(*) FROM public.web_callout_endpoints

-- phase: contract
SELECT langfuse_rollout.drop_table('web_callout_endpoints');
-- end
