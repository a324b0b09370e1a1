-- undoes: 20260506144028_add_verified_domains
-- class: schema
-- loses: nothing; the table moves to the archive; the older release has no verified domains
-- count: verified or claimed domains that move to the archive: SELECT count(*) FROM public.verified_domains

-- phase: contract
SELECT langfuse_rollout.drop_table('verified_domains');
-- end
