-- undoes: 20260129183823_add_media_project_id_created_at_index
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('media_project_id_created_at_idx');
-- end
