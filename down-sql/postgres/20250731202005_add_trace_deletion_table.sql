-- undoes: 20250731202005_add_trace_deletion_table
-- class: schema
-- loses: nothing; pending deletions go to the archive; the older release does not run them
-- count: pending deletions: SELECT count(*) FROM public.pending_deletions AS this WHERE NOT this.is_deleted
-- count: deletions in all that go to the archive: SELECT count(*) FROM public.pending_deletions
--
-- The older release deletes what its queue holds. Deletions that only this table holds have to be asked for again,
-- which the next upgrade does not do by itself: look at the first count before a rollback.

-- phase: contract
SELECT langfuse_rollout.drop_table('pending_deletions');
-- end
