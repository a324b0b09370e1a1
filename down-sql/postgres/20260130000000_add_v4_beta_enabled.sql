-- undoes: 20260130000000_add_v4_beta_enabled
-- class: schema
-- loses: nothing; the list of users with the preview goes to the archive
-- count: users with the preview of v4: SELECT count(*) FROM public.users AS this WHERE this.v4_beta_enabled

-- phase: contract
SELECT langfuse_rollout.drop_column('users', 'v4_beta_enabled');
-- end
