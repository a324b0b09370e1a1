-- undoes: 20251215233905_backfill_dataset_items_valid_to
-- class: schema
-- loses: nothing; the row of the background migration goes to the archive
--
-- What it wrote is in dataset_items.valid_to, which 20251215233730_dataset_items_add_valid_to takes away. The row
-- must go, or the next upgrade could not insert it again.
-- Until it goes it is paused: an older worker does not have its script and would stop at it.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('d4f5a6b7-c8d9-4e1f-a2b3-c4d5e6f7a8b8');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('d4f5a6b7-c8d9-4e1f-a2b3-c4d5e6f7a8b8');
-- end
