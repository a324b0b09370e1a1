-- undoes: 20250108220721_add_queue_backup_table
-- class: schema
-- loses: nothing; backups of queues that an administrator made go to the archive
-- count: backed-up queue entries that go to the archive: SELECT CASE WHEN to_regclass('public.queue_backups') IS NULL THEN 0 ELSE (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM public.queue_backups', false, true, '')))[1]::text::bigint END
--
-- The migration also put back the foreign key that 20241206115829 had dropped, and 20250109083346 dropped it for good
-- in the same release. Undoing the three in turn adds it, drops it and adds it again, NOT VALID, which costs nothing.
-- Where it is there, it goes in expand, because the older release stores a trace before its session.
-- The count looks through XML because a later migration drops the table, and a plain SELECT would then fail.

-- phase: expand
SELECT langfuse_rollout.drop_constraint('traces', 'traces_session_id_project_id_fkey');

-- phase: contract
-- Again: undoing 20250109083346 has just added it.
SELECT langfuse_rollout.drop_constraint('traces', 'traces_session_id_project_id_fkey');
SELECT langfuse_rollout.drop_table('queue_backups');
-- end
