-- undoes: 20251210130559_add_batch_action_table
-- class: schema
-- loses: nothing; the table moves to the archive, and the older release shows no history of batch actions
-- count: rows of the table batch_actions that move to the archive: SELECT count(*) FROM public.batch_actions
--
-- What runs is in Redis; the table only tells how far it has come.

-- phase: contract
SELECT langfuse_rollout.drop_table('batch_actions');
-- end
