-- undoes: 20250410145712_add_organization_scoped_api_keys
-- class: schema
-- loses: nothing; API keys of organizations go to the archive, and requests with them are refused
-- count: API keys of organizations that go to the archive: SELECT count(*) FROM public.api_keys AS this WHERE this.project_id IS NULL OR this.scope::text = 'ORGANIZATION'
--
-- To the older release every key is one of a project. A key of an organization may not become that, so it is deleted;
-- whole rows are in the archive, with the hash, so that the same key works again where it is put back.

-- phase: contract
-- to_jsonb, because the column scope is gone when this runs a second time.
SELECT langfuse_rollout.delete_rows('api_keys',
  'this.project_id IS NULL OR to_jsonb(this) ->> ''scope'' = ''ORGANIZATION''',
  'the older release knows keys of projects only');
SELECT langfuse_rollout.set_not_null('api_keys', 'project_id', NULL);
SELECT langfuse_rollout.drop_constraint('api_keys', 'api_keys_organization_id_fkey');
SELECT langfuse_rollout.drop_index('api_keys_organization_id_idx');
SELECT langfuse_rollout.drop_column('api_keys', 'organization_id');
SELECT langfuse_rollout.drop_column('api_keys', 'scope');
SELECT langfuse_rollout.drop_enum('ApiKeyScope');
-- end
