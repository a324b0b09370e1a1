-- undoes: 20250523120545_add_nullable_job_template_id
-- class: schema
-- loses: nothing; the templates of evaluations go to the archive
-- count: evaluations that name their template: SELECT count(*) FROM public.job_executions AS this WHERE this.job_template_id IS NOT NULL

-- phase: prepare
SELECT langfuse_rollout.archive_column('job_executions', 'job_template_id');

-- phase: contract
SELECT langfuse_rollout.drop_constraint('job_executions', 'job_executions_job_template_id_fkey');
SELECT langfuse_rollout.drop_column('job_executions', 'job_template_id');
-- end
