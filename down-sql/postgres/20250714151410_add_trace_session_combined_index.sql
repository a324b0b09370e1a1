-- undoes: 20250714151410_add_trace_session_combined_index
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('trace_sessions_project_id_created_at_idx');
-- end
