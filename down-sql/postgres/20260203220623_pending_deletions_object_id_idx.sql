-- undoes: 20260203220623_pending_deletions_object_id_idx
-- class: schema
-- loses: nothing
--
-- The same change as 20260203220622 of 3.151.0 to 3.167.4, under the name it has since 3.168.0: a database has gone through
-- one of the two, or both, and undoing either undoes the change. A release that knows the change under the older name
-- keeps it, and gets a row of that name in place of this one.
--
-- The older release's index is built in expand, not beside the running release in validate: by then an older migration
-- of the same rollback may have taken the table away. The table is a list of what waits to be deleted, and short.

-- phase: expand
DO $down$
BEGIN
  IF pg_catalog.to_regclass('public.pending_deletions') IS NOT NULL THEN
    CREATE INDEX IF NOT EXISTS pending_deletions_project_id_object_is_deleted_idx
      ON public.pending_deletions USING btree (project_id, object, is_deleted);
  END IF;
END
$down$;

-- phase: contract
SELECT langfuse_rollout.drop_index('pending_deletions_project_id_object_is_deleted_object_id_id_idx');
-- end
