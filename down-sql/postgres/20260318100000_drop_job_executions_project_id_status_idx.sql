-- undoes: 20260318100000_drop_job_executions_project_id_status_idx
-- class: schema
-- loses: nothing
--
-- The table can be big, so the index is built beside the running release, in no transaction.

-- phase: validate
SELECT langfuse_rollout.drop_invalid_index('job_executions_project_id_status_idx');
CREATE INDEX CONCURRENTLY IF NOT EXISTS job_executions_project_id_status_idx
  ON public.job_executions USING btree (project_id, status);
-- end
