-- undoes: 20260306143000_add_eval_config_block_fields
-- class: schema
-- loses: nothing; the reason and time of blocked evaluators go to the archive
-- count: blocked evaluators, which are turned off: SELECT count(*) FROM public.job_configurations AS this WHERE this.blocked_at IS NOT NULL
--
-- The newer release blocks an evaluator whose model or key does not work, until somebody starts it again. The older
-- one would run it, and fail, for every trace that comes in. Switched off is the nearest it has.

-- phase: contract
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.job_configurations'), 'blocked_at') IS NOT NULL THEN
    PERFORM langfuse_rollout.rewrite_rows('job_configurations', $set$ status = 'INACTIVE' $set$,
      $condition$ this.blocked_at IS NOT NULL AND this.status::text = 'ACTIVE' $condition$,
      'the newer release has blocked the evaluator');
  END IF;
END
$down$;
SELECT langfuse_rollout.drop_column('job_configurations', 'blocked_at');
SELECT langfuse_rollout.drop_column('job_configurations', 'block_reason');
SELECT langfuse_rollout.drop_column('job_configurations', 'block_message');
SELECT langfuse_rollout.drop_enum('EvaluatorBlockReason');
-- end
