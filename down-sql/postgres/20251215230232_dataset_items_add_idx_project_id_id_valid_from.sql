-- undoes: 20251215230232_dataset_items_add_idx_project_id_id_valid_from
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('dataset_items_project_id_id_valid_from_idx');
-- end
