-- undoes: 20260807120000_drop_job_execution_configuration_fk
-- class: schema
-- loses: nothing; evaluations whose evaluator is gone go to the archive
-- count: evaluations whose evaluator is gone: SELECT count(*) FROM public.job_executions AS this WHERE NOT EXISTS (SELECT FROM public.job_configurations AS configuration WHERE configuration.id = this.job_configuration_id)
--
-- The newer release deletes the evaluations of an evaluator by and by, after it. The foreign key would have deleted
-- them with it. It comes back NOT VALID, which looks at new rows only, and validate looks at the old ones. Until it is
-- back, the older release leaves such rows as well: that is why validate repairs once more. The table can be big.

-- phase: prepare
SELECT langfuse_rollout.delete_rows('job_executions', $condition$
  NOT EXISTS (
    SELECT FROM public.job_configurations AS configuration WHERE configuration.id = this.job_configuration_id
  )
$condition$, 'its evaluator is gone');

-- phase: contract
SELECT langfuse_rollout.add_constraint('job_executions', 'job_executions_job_configuration_id_fkey',
  'FOREIGN KEY (job_configuration_id) REFERENCES public.job_configurations (id)
   ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');

-- phase: validate
SELECT langfuse_rollout.delete_rows('job_executions', $condition$
  NOT EXISTS (
    SELECT FROM public.job_configurations AS configuration WHERE configuration.id = this.job_configuration_id
  )
$condition$, 'its evaluator is gone');
SELECT langfuse_rollout.validate_constraint('job_executions', 'job_executions_job_configuration_id_fkey');
-- end
