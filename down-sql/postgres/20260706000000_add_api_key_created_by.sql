-- undoes: 20260706000000_add_api_key_created_by
-- class: schema
-- loses: nothing; the creators of API keys go to the archive
-- count: API keys with a creator: SELECT count(*) FROM public.api_keys AS this WHERE this.created_by_user_id IS NOT NULL OR this.created_by_api_key_id IS NOT NULL
--
-- Their foreign keys and the index go with the columns.

-- phase: contract
SELECT langfuse_rollout.drop_column('api_keys', 'created_by_user_id');
SELECT langfuse_rollout.drop_column('api_keys', 'created_by_api_key_id');
-- end
