-- undoes: 20251118162943_add_idx_dataset_item_events
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('dataset_item_events_project_id_dataset_id_item_id_created_at_id');
-- end
