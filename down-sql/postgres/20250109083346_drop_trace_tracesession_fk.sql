-- undoes: 20250109083346_drop_trace_tracesession_fk
-- class: schema
-- loses: nothing; sessions that traces refer to get their missing rows
-- count: traces that refer to a session without a row: SELECT CASE WHEN to_regclass('public.traces') IS NULL THEN 0 ELSE (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM public.traces AS t WHERE t.session_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.trace_sessions AS s WHERE s.id = t.session_id AND s.project_id = t.project_id)', false, true, '')))[1]::text::bigint END
--
-- Without the foreign key the newer release may store a trace before its session, or without one. The missing sessions
-- are inserted; no trace changes. The key comes back NOT VALID, which looks at new rows only and so holds its lock for
-- a moment; `validate` looks at the old ones, after it has inserted what came between `prepare` and the key.
-- The count looks through XML because 4.0.0 drops the table, and a plain SELECT would then fail.

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

-- phase: contract
SELECT langfuse_rollout.add_constraint('traces', 'traces_session_id_project_id_fkey',
  'FOREIGN KEY (session_id, project_id) REFERENCES public.trace_sessions (id, project_id)
   ON UPDATE CASCADE ON DELETE RESTRICT NOT VALID');

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

SELECT langfuse_rollout.validate_constraint('traces', 'traces_session_id_project_id_fkey');
-- end
