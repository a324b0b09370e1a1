-- undoes: 20251013134801_drop_atla_llm_keys
-- class: lossy
-- loses: LLM keys of the adapter atla, which the upgrade deleted with their secrets, and default models that used them; only a backup from before the upgrade has them
--
-- The migration changed no schema. What it deleted cannot be made again, so only what deploy kept comes back: the keys,
-- and the default models that a foreign key deletes with them. Secrets are kept as Langfuse encrypted them, in a table
-- that only the owner of the archive can read. A key whose provider has another key by now goes to the archive.

-- phase: keep
SELECT langfuse_rollout.keep_rows('llm_api_keys', 'this.adapter = ''atla''');
SELECT langfuse_rollout.keep_rows('default_llm_models', 'EXISTS (SELECT FROM public.llm_api_keys AS key
  WHERE key.id = this.llm_api_key_id AND key.adapter = ''atla'')');

-- phase: contract
SELECT langfuse_rollout.give_back_rows('llm_api_keys');
SELECT langfuse_rollout.give_back_rows('default_llm_models');
-- end
