-- undoes: 20250731202005_add_trace_deletion_table
-- class: schema
-- loses: nothing; deletions that were asked for and are not done yet go to the archive, and the older release does not know of them
-- count: deletions that were asked for and are not done yet: SELECT count(*) FROM public.pending_deletions AS this WHERE NOT this.is_deleted
-- count: deletions in all that go to the archive: SELECT count(*) FROM public.pending_deletions
--
-- The older release deletes what its queue holds. Deletions that only this table holds have to be asked for again,
-- which the next upgrade does not do by itself: look at the first count before a rollback.

-- phase: contract
SELECT langfuse_rollout.drop_table('pending_deletions');
-- end
