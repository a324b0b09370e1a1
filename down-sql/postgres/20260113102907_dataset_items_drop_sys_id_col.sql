-- undoes: 20260113102907_dataset_items_drop_sys_id_col
-- class: lossy
-- loses: dataset_items.sys_id, which the upgrade dropped: random ids that no release reads
--
-- The default is set after the column is there, as the migration that first added it did: with it, PostgreSQL would
-- rewrite the whole table. So items of before have no id, as those from before that migration, and new ones get one.
-- Items whose id deploy kept get it again; the running release writes items, so it is a copy.

-- phase: keep
SELECT langfuse_rollout.keep_column('dataset_items', 'sys_id');

-- phase: expand
-- As long as the column is gone, it is clear that the migration has run.
SELECT langfuse_rollout.close_keep('20260113102907_dataset_items_drop_sys_id_col');
SELECT langfuse_rollout.add_column('dataset_items', 'sys_id', 'text');
SELECT langfuse_rollout.set_default('dataset_items', 'sys_id', 'md5(random()::text || clock_timestamp()::text)::uuid::text');

-- phase: prepare
SELECT langfuse_rollout.give_back_column('dataset_items', 'sys_id');
-- end
