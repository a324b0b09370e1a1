-- undoes: 20250714151410_remove_trace_session_updated_at_idx
-- class: schema
-- loses: nothing

-- phase: validate
SELECT langfuse_rollout.drop_invalid_index('trace_sessions_updated_at_idx');
CREATE INDEX CONCURRENTLY IF NOT EXISTS trace_sessions_updated_at_idx ON public.trace_sessions (updated_at);
-- end
