-- undoes: 20250704170658_add_automations
-- class: schema
-- loses: nothing; automations, their triggers and their runs go to the archive; the older release does not run them
-- count: automations that go to the archive: SELECT count(*) FROM public.automations
-- count: runs of automations that go to the archive: SELECT count(*) FROM public.automation_executions

-- phase: contract
SELECT langfuse_rollout.drop_table('automation_executions');
SELECT langfuse_rollout.drop_table('automations');
SELECT langfuse_rollout.drop_table('triggers');
SELECT langfuse_rollout.drop_table('actions');
SELECT langfuse_rollout.drop_enum('ActionExecutionStatus');
SELECT langfuse_rollout.drop_enum('ActionType');
-- end
