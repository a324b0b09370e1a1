-- undoes: 20260806120000_add_in_app_agent_conversation_always_allowed_tools
-- class: schema
-- loses: nothing; the tools go to the archive, and the agent asks again
-- count: conversations that allow tools without asking: SELECT count(*) FROM public.in_app_agent_conversations AS this WHERE this.always_allowed_tools <> '{}'

-- phase: contract
SELECT langfuse_rollout.drop_column('in_app_agent_conversations', 'always_allowed_tools');
-- end
