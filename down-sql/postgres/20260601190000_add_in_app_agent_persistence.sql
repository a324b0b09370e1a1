-- undoes: 20260601190000_add_in_app_agent_persistence
-- class: schema
-- loses: nothing; the three tables move to the archive: conversations with the agent, their runs and their events
-- count: conversations with the agent that move to the archive: SELECT count(*) FROM public.in_app_agent_conversations
-- count: runs of the agent that move to the archive: SELECT count(*) FROM public.in_app_agent_runs
-- count: events of the agent that move to the archive: SELECT count(*) FROM public.in_app_agent_events
--
-- From the outside in, as their foreign keys ask for. The enum goes to the archive with them.

-- phase: contract
SELECT langfuse_rollout.drop_table('in_app_agent_events');
SELECT langfuse_rollout.drop_table('in_app_agent_runs');
SELECT langfuse_rollout.drop_table('in_app_agent_conversations');
SELECT langfuse_rollout.drop_enum('InAppAgentConversationVisibilityScope');
-- end
