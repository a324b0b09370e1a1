-- undoes: 20250519093327_media_add_index_project_id_id
-- class: schema
-- loses: nothing
--
-- The foreign keys that need this index are those of 20250519093328, which is undone before.

-- phase: contract
SELECT langfuse_rollout.drop_index('media_project_id_id_key');
-- end
