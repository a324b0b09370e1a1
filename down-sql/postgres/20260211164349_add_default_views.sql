-- undoes: 20260211164349_add_default_views
-- class: schema
-- loses: nothing; the table moves to the archive, and the older release opens every table with its own default
-- count: default views that move to the archive: SELECT count(*) FROM public.default_views

-- phase: contract
SELECT langfuse_rollout.drop_table('default_views');
-- end
