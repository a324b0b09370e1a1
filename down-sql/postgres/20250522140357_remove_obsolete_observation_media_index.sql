-- undoes: 20250522140357_remove_obsolete_observation_media_index
-- class: schema
-- loses: nothing

-- phase: validate
SELECT langfuse_rollout.drop_invalid_index('observation_media_project_id_observation_id_idx');
CREATE INDEX CONCURRENTLY IF NOT EXISTS observation_media_project_id_observation_id_idx
  ON public.observation_media (project_id, observation_id);
-- end
