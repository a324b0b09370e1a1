-- undoes: 20251210133946_dataset_items_create_idx_id_project_id_valid_from
-- class: schema
-- loses: nothing
--
-- Undoing 20251211204006_dataset_items_switch_pk has made an index of it again, that of a key until then.

-- phase: contract
SELECT langfuse_rollout.drop_index('dataset_items_id_project_id_valid_from_key');
-- end
