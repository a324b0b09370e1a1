-- undoes: 20241206115829_remove_trace_score_observation_constraints
-- class: schema
-- loses: nothing; job executions whose score is only in ClickHouse lose the link to it; the archive keeps the link
-- count: job executions whose score Postgres does not have: SELECT count(*) FROM public.job_executions AS execution WHERE execution.job_output_score_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.scores AS score WHERE score.id = execution.job_output_score_id)
-- count: sessions created because a trace refers to them: SELECT count(DISTINCT (trace.session_id, trace.project_id)) FROM public.traces AS trace WHERE trace.session_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.trace_sessions AS session WHERE session.id = trace.session_id AND session.project_id = trace.project_id)
--
-- The migration dropped two foreign keys, and the newer release writes rows that violate them: its scores are in
-- ClickHouse, and a trace may name a session that has no row. `prepare` repairs these rows. Then both keys come back
-- NOT VALID, which looks at new rows only and so holds its lock for a moment. `validate` looks at the old ones, after
-- it has repaired what was written between `prepare` and the key.

-- phase: prepare
SELECT langfuse_rollout.insert_rows('trace_sessions', 'id, project_id, created_at', $query$
  SELECT trace.session_id, trace.project_id, min(trace.created_at)
  FROM public.traces AS trace
  WHERE trace.session_id IS NOT NULL
    AND NOT EXISTS (
      SELECT FROM public.trace_sessions AS session
      WHERE session.id = trace.session_id AND session.project_id = trace.project_id
    )
  GROUP BY trace.session_id, trace.project_id
$query$);

SELECT langfuse_rollout.rewrite_rows('job_executions', 'job_output_score_id = NULL', $condition$
  this.job_output_score_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM public.scores AS score WHERE score.id = this.job_output_score_id)
$condition$, 'job_output_score_id is set to NULL: Postgres has no such score');

-- phase: contract
SELECT langfuse_rollout.add_constraint('traces', 'traces_session_id_project_id_fkey', $definition$
  FOREIGN KEY (session_id, project_id) REFERENCES public.trace_sessions (id, project_id)
  ON UPDATE CASCADE ON DELETE RESTRICT NOT VALID
$definition$);

SELECT langfuse_rollout.add_constraint('job_executions', 'job_executions_job_output_score_id_fkey', $definition$
  FOREIGN KEY (job_output_score_id) REFERENCES public.scores (id)
  ON UPDATE CASCADE ON DELETE SET NULL NOT VALID
$definition$);

-- phase: validate
SELECT langfuse_rollout.insert_rows('trace_sessions', 'id, project_id, created_at', $query$
  SELECT trace.session_id, trace.project_id, min(trace.created_at)
  FROM public.traces AS trace
  WHERE trace.session_id IS NOT NULL
    AND NOT EXISTS (
      SELECT FROM public.trace_sessions AS session
      WHERE session.id = trace.session_id AND session.project_id = trace.project_id
    )
  GROUP BY trace.session_id, trace.project_id
$query$);

SELECT langfuse_rollout.rewrite_rows('job_executions', 'job_output_score_id = NULL', $condition$
  this.job_output_score_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM public.scores AS score WHERE score.id = this.job_output_score_id)
$condition$, 'job_output_score_id is set to NULL: Postgres has no such score');

SELECT langfuse_rollout.validate_constraint('traces', 'traces_session_id_project_id_fkey');
SELECT langfuse_rollout.validate_constraint('job_executions', 'job_executions_job_output_score_id_fkey');
-- end
