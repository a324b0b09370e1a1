-- undoes: 20250825100104_job_executions_add_input_trace_timestamp
-- class: schema
-- loses: nothing; the times of evaluated traces go to the archive
-- count: evaluations that name the time of their trace: SELECT count(*) FROM public.job_executions AS this WHERE this.job_input_trace_timestamp IS NOT NULL

-- phase: prepare
SELECT langfuse_rollout.archive_column('job_executions', 'job_input_trace_timestamp');

-- phase: contract
SELECT langfuse_rollout.drop_column('job_executions', 'job_input_trace_timestamp');
-- end
