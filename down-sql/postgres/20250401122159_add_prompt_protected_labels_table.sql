-- undoes: 20250401122159_add_prompt_protected_labels_table
-- class: schema
-- loses: nothing; the list of protected prompt labels goes to the archive; the older release lets every editor move them
-- count: protected prompt labels that go to the archive: SELECT count(*) FROM public.prompt_protected_labels

-- phase: contract
SELECT langfuse_rollout.drop_table('prompt_protected_labels');
-- end
