-- undoes: 20260629091506_add_in_app_agent_pending_tool_approvals
-- class: schema
-- loses: nothing; the table moves to the archive; pending approvals end
-- count: pending approvals: SELECT count(*) FROM public.in_app_agent_pending_tool_approvals

-- phase: contract
SELECT langfuse_rollout.drop_table('in_app_agent_pending_tool_approvals');
-- end
