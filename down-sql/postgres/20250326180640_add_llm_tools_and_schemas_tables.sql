-- undoes: 20250326180640_add_llm_tools_and_schemas_tables
-- class: schema
-- loses: nothing; tools and schemas of the playground go to the archive
-- count: tools and schemas that go to the archive: SELECT (SELECT count(*) FROM public.llm_tools) + (SELECT count(*) FROM public.llm_schemas)

-- phase: contract
SELECT langfuse_rollout.drop_table('llm_tools');
SELECT langfuse_rollout.drop_table('llm_schemas');
-- end
