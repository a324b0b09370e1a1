-- undoes: 20250220141500_add_environment_to_trace_sessions
-- class: schema
-- loses: nothing; environments of sessions other than default go to the archive, and the older release shows all sessions together
-- count: sessions with an environment other than default: SELECT count(*) FROM public.trace_sessions AS this WHERE this.environment <> 'default'

-- phase: prepare
SELECT langfuse_rollout.archive_column('trace_sessions', 'environment');

-- phase: contract
SELECT langfuse_rollout.drop_column('trace_sessions', 'environment');
-- end
