-- undoes: 20250122152102_add_llm_api_keys_extra_headers
-- class: schema
-- loses: nothing; extra headers of LLM keys go to the archive, encrypted as they are, and the older release calls the provider without them
-- count: LLM keys with extra headers: SELECT count(*) FROM public.llm_api_keys AS this WHERE this.extra_headers IS NOT NULL OR this.extra_header_keys <> '{}'

-- phase: contract
SELECT langfuse_rollout.drop_column('llm_api_keys', 'extra_headers');
SELECT langfuse_rollout.drop_column('llm_api_keys', 'extra_header_keys');
-- end
