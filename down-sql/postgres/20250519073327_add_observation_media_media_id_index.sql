-- undoes: 20250519073327_add_observation_media_media_id_index
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('observation_media_project_id_media_id_idx');
-- end
