-- undoes: 20250214173309_add_timescope_to_configs
-- class: schema
-- loses: nothing; evaluators for existing traces only are turned off, because the older release would run them on every new trace
-- count: evaluators for existing traces only, which are turned off: SELECT count(*) FROM public.job_configurations AS this WHERE this.status::text = 'ACTIVE' AND NOT coalesce('NEW' = ANY (this.time_scope), false)
--
-- The older release knows one scope, which is NEW. Calls to a language model cost money, so an evaluator that was never
-- meant for new traces must not start on them. Its row is in the archive as it was.

-- phase: contract
-- to_jsonb, because the column is gone when this runs a second time; `@>` is how Langfuse itself tests the scope.
SELECT langfuse_rollout.rewrite_rows('job_configurations',
  'status = ''INACTIVE''',
  'this.status::text = ''ACTIVE'' AND to_jsonb(this) ? ''time_scope''
   AND NOT coalesce(to_jsonb(this) -> ''time_scope'' @> ''["NEW"]'', false)',
  'it looks at existing traces only; the older release would run it on new ones');
SELECT langfuse_rollout.drop_column('job_configurations', 'time_scope');
-- end
