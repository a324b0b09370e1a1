-- undoes: 20250128144418_llm_adapter_rename_google_vertex_ai
-- class: schema
-- loses: nothing; LLM keys of Vertex AI get their older name
-- count: LLM keys that get the adapter's older name: SELECT count(*) FROM public.llm_api_keys AS this WHERE this.adapter = 'google-vertex-ai'
--
-- The migration renamed a value and no schema. Keys that were made later have the newer name from the start, and the
-- older release refuses to read it, so all of them are renamed.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('llm_api_keys', 'adapter = ''vertex-ai''', 'this.adapter = ''google-vertex-ai''',
  'the older release calls this adapter vertex-ai');
-- end
