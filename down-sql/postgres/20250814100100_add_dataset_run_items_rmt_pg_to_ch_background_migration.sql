-- undoes: 20250814100100_add_dataset_run_items_rmt_pg_to_ch_background_migration
-- class: schema
-- loses: nothing; the background migration's state goes to the archive; the next upgrade runs it from the start
--
-- The row must go, or the next upgrade could not insert it again. It goes in contract and not before, since a newer
-- worker may be at it until then. An older worker that starts meanwhile does not have its script and would stop at it:
-- so it is paused in expand.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('9f32e84c-7b1d-4f59-a803-d67ae5c9b2e8');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('9f32e84c-7b1d-4f59-a803-d67ae5c9b2e8');
-- end
