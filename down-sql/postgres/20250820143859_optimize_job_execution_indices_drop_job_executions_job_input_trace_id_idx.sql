-- undoes: 20250820143859_optimize_job_execution_indices_drop_job_executions_job_input_trace_id_idx
-- class: schema
-- loses: nothing

-- phase: validate
SELECT langfuse_rollout.drop_invalid_index('job_executions_job_input_trace_id_idx');
CREATE INDEX CONCURRENTLY IF NOT EXISTS job_executions_job_input_trace_id_idx
  ON public.job_executions (job_input_trace_id);
-- end
