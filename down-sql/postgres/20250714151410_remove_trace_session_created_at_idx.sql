-- undoes: 20250714151410_remove_trace_session_created_at_idx
-- class: schema
-- loses: nothing

-- phase: validate
SELECT langfuse_rollout.drop_invalid_index('trace_sessions_created_at_idx');
CREATE INDEX CONCURRENTLY IF NOT EXISTS trace_sessions_created_at_idx ON public.trace_sessions (created_at);
-- end
