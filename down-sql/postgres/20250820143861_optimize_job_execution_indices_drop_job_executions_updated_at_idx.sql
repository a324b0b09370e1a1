-- undoes: 20250820143861_optimize_job_execution_indices_drop_job_executions_updated_at_idx
-- class: schema
-- loses: nothing

-- phase: validate
SELECT langfuse_rollout.drop_invalid_index('job_executions_updated_at_idx');
CREATE INDEX CONCURRENTLY IF NOT EXISTS job_executions_updated_at_idx ON public.job_executions (updated_at);
-- end
