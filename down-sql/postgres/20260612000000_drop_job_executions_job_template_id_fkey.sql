-- undoes: 20260612000000_drop_job_executions_job_template_id_fkey
-- class: schema
-- loses: nothing; evaluations whose template is gone lose the link to it; the archive keeps the link
-- count: evaluations whose template is gone: SELECT count(*) FROM public.job_executions AS this WHERE this.job_template_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.eval_templates AS template WHERE template.id = this.job_template_id)
--
-- The foreign key would have set the column to NULL when the template was deleted. It comes back NOT VALID, which
-- looks at new rows only, and validate looks at the old ones. Until it is back, the older release leaves such rows as
-- well: that is why validate repairs once more. The table can be big.

-- phase: prepare
SELECT langfuse_rollout.rewrite_rows('job_executions', 'job_template_id = NULL', $condition$
  this.job_template_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM public.eval_templates AS template WHERE template.id = this.job_template_id
  )
$condition$, 'its template is gone');

-- phase: contract
SELECT langfuse_rollout.add_constraint('job_executions', 'job_executions_job_template_id_fkey',
  'FOREIGN KEY (job_template_id) REFERENCES public.eval_templates (id) ON DELETE SET NULL NOT VALID');

-- phase: validate
DO $down$
BEGIN
  -- An older migration of the same rollback may have taken the column away.
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.job_executions'), 'job_template_id') IS NOT NULL THEN
    PERFORM langfuse_rollout.rewrite_rows('job_executions', 'job_template_id = NULL', $condition$
      this.job_template_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.eval_templates AS template WHERE template.id = this.job_template_id
      )
    $condition$, 'its template is gone');
  END IF;
END
$down$;
SELECT langfuse_rollout.validate_constraint('job_executions', 'job_executions_job_template_id_fkey');
-- end
