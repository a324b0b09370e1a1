-- undoes: 20251014161635_job_executions_add_execution_trace_id
-- class: schema
-- loses: nothing; traces of evaluations go to the archive; evaluations that wait for a retry become pending
-- count: evaluations that name their own trace: SELECT count(*) FROM public.job_executions AS this WHERE this.execution_trace_id IS NOT NULL
-- count: evaluations that wait for their next try: SELECT count(*) FROM public.job_executions AS this WHERE this.status::text = 'DELAYED'
--
-- An evaluation is delayed when the model's provider was too busy; its next try is in the queue. The older release
-- calls that pending, and runs it when the queue says so, whatever the status is.

-- phase: prepare
SELECT langfuse_rollout.archive_column('job_executions', 'execution_trace_id');
SELECT langfuse_rollout.rewrite_rows('job_executions', 'status = ''PENDING''', 'this.status::text = ''DELAYED''',
  'the older release calls an evaluation that waits for its next try pending');

-- phase: contract
SELECT langfuse_rollout.rebuild_enum('JobExecutionStatus', ARRAY['COMPLETED', 'ERROR', 'PENDING', 'CANCELLED'],
  '{"DELAYED": "PENDING"}');
SELECT langfuse_rollout.drop_column('job_executions', 'execution_trace_id');
-- end
