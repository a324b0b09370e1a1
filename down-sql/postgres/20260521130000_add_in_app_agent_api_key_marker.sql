-- undoes: 20260521130000_add_in_app_agent_api_key_marker
-- class: schema
-- loses: nothing; the API keys of the agent go to the archive
-- count: API keys of the agent: SELECT count(*) FROM public.api_keys AS this WHERE this.is_in_app_agent_key
--
-- The mark holds these keys to a few tools. Without it they would be ordinary keys of their project, which may do
-- anything and which nobody has asked for, so they go; the newer release makes new ones.

-- phase: contract
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.api_keys'), 'is_in_app_agent_key') IS NOT NULL THEN
    PERFORM langfuse_rollout.delete_rows('api_keys', 'this.is_in_app_agent_key',
      'without its mark the key of the agent could do anything in its project');
  END IF;
END
$down$;
SELECT langfuse_rollout.drop_column('api_keys', 'is_in_app_agent_key');
-- end
