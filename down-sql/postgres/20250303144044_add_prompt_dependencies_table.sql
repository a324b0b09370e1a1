-- undoes: 20250303144044_add_prompt_dependencies_table
-- class: schema
-- loses: nothing; references between prompts go to the archive; the older release serves such a prompt with the reference as text
-- count: references between prompts that go to the archive: SELECT count(*) FROM public.prompt_dependencies

-- phase: contract
SELECT langfuse_rollout.drop_table('prompt_dependencies');
-- end
