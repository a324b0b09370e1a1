-- undoes: 20241206115829_remove_trace_score_observation_constraints
-- class: schema
-- loses: nothing; job executions whose score is only in ClickHouse are archived before they let go of it
--
-- The migration dropped two foreign keys, and the newer release writes rows that violate them: its scores are in
-- ClickHouse, and a trace may name a session that has no row. The rows are repaired, then both keys come back
-- NOT VALID, which looks at new rows only and so holds its lock for a moment; `validate` looks at the old ones.

-- phase: contract
INSERT INTO public.trace_sessions (id, project_id, created_at)
SELECT trace.session_id, trace.project_id, min(trace.created_at)
FROM public.traces AS trace
WHERE trace.session_id IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM public.trace_sessions AS session
    WHERE session.id = trace.session_id AND session.project_id = trace.project_id
  )
GROUP BY trace.session_id, trace.project_id
ON CONFLICT (id, project_id) DO NOTHING;

WITH orphan AS (
  SELECT execution.id, to_jsonb(execution) AS row
  FROM public.job_executions AS execution
  WHERE execution.job_output_score_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM public.scores AS score WHERE score.id = execution.job_output_score_id)
  FOR UPDATE OF execution
), archived AS (
  INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, row)
  SELECT
    current_setting('langfuse_rollout.rollback_id'),
    '20241206115829_remove_trace_score_observation_constraints',
    'public.job_executions',
    'job_output_score_id is set to NULL: Postgres has no such score',
    orphan.row
  FROM orphan
)
UPDATE public.job_executions AS execution
SET job_output_score_id = NULL
FROM orphan
WHERE execution.id = orphan.id;

DO $down$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint
    WHERE conrelid = pg_catalog.to_regclass('public.traces') AND conname = 'traces_session_id_project_id_fkey'
  ) THEN
    ALTER TABLE public.traces ADD CONSTRAINT traces_session_id_project_id_fkey
      FOREIGN KEY (session_id, project_id) REFERENCES public.trace_sessions (id, project_id)
      ON UPDATE CASCADE ON DELETE RESTRICT NOT VALID;
  END IF;

  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint
    WHERE conrelid = pg_catalog.to_regclass('public.job_executions')
      AND conname = 'job_executions_job_output_score_id_fkey'
  ) THEN
    ALTER TABLE public.job_executions ADD CONSTRAINT job_executions_job_output_score_id_fkey
      FOREIGN KEY (job_output_score_id) REFERENCES public.scores (id)
      ON UPDATE CASCADE ON DELETE SET NULL NOT VALID;
  END IF;
END
$down$;

-- phase: validate
ALTER TABLE public.traces VALIDATE CONSTRAINT traces_session_id_project_id_fkey;
ALTER TABLE public.job_executions VALIDATE CONSTRAINT job_executions_job_output_score_id_fkey;
-- end
