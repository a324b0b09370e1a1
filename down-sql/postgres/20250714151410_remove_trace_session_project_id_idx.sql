-- undoes: 20250714151410_remove_trace_session_project_id_idx
-- class: schema
-- loses: nothing

-- phase: validate
SELECT langfuse_rollout.drop_invalid_index('trace_sessions_project_id_idx');
CREATE INDEX CONCURRENTLY IF NOT EXISTS trace_sessions_project_id_idx ON public.trace_sessions (project_id);
-- end
