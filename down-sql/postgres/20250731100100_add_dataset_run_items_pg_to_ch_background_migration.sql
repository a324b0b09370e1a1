-- undoes: 20250731100100_add_dataset_run_items_pg_to_ch_background_migration
-- class: schema
-- loses: nothing; the background migration's state goes to the archive, and the next upgrade inserts it again
--
-- The row must go, or the next upgrade could not insert it again. It goes in contract and not before, since a newer
-- worker may be at it until then. An older worker that starts meanwhile does not have its script and would stop at it:
-- so it is paused in expand.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('8d47f91b-3e5c-4a26-9f85-c12d6e4b9a3d');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('8d47f91b-3e5c-4a26-9f85-c12d6e4b9a3d');
-- end
