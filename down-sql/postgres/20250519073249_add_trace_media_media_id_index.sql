-- undoes: 20250519073249_add_trace_media_media_id_index
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('trace_media_project_id_media_id_idx');
-- end
