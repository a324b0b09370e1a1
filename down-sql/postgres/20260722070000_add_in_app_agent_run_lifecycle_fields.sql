-- undoes: 20260722070000_add_in_app_agent_run_lifecycle_fields
-- class: schema
-- loses: nothing; state and request of the runs go to the archive
-- count: runs of the agent with a state: SELECT count(*) FROM public.in_app_agent_runs AS this WHERE this.status IS NOT NULL
--
-- The migration also closed runs that had been quiet for 150 seconds. They stay closed: the older release would have
-- closed them itself, in the same words, before the next run of their conversation.
--
-- Between the phases the unique index (one open run a conversation) does not hinder the older release, which keeps to
-- that rule by itself.

-- phase: contract
SELECT langfuse_rollout.drop_index('in_app_agent_runs_active_conversation_key');
SELECT langfuse_rollout.drop_column('in_app_agent_runs', 'status');
SELECT langfuse_rollout.drop_column('in_app_agent_runs', 'request');
SELECT langfuse_rollout.drop_column('in_app_agent_runs', 'claimed_at');
SELECT langfuse_rollout.drop_column('in_app_agent_runs', 'heartbeat_at');
SELECT langfuse_rollout.drop_column('in_app_agent_runs', 'cancel_requested_at');
-- end
