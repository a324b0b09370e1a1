-- undoes: 20260702130000_add_in_app_agent_conversation_renamed_by_user_at
-- class: schema
-- loses: nothing; the times go to the archive
-- count: conversations that a user has named: SELECT count(*) FROM public.in_app_agent_conversations AS this WHERE this.renamed_by_user_at IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('in_app_agent_conversations', 'renamed_by_user_at');
-- end
