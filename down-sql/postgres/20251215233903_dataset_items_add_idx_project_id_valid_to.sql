-- undoes: 20251215233903_dataset_items_add_idx_project_id_valid_to
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('dataset_items_project_id_valid_to_idx');
-- end
