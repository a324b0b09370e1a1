-- undoes: 20260608191624_remove_foreign_keys_media
-- class: schema
-- loses: nothing; links to media of projects that are gone go to the archive
-- count: links of traces to media of projects that are gone: SELECT count(*) FROM public.trace_media AS this WHERE NOT EXISTS (SELECT FROM public.projects AS project WHERE project.id = this.project_id)
-- count: links of observations to media of projects that are gone: SELECT count(*) FROM public.observation_media AS this WHERE NOT EXISTS (SELECT FROM public.projects AS project WHERE project.id = this.project_id)
--
-- The newer release deletes the links of a project by itself, and may be stopped before it has. The foreign keys would
-- have deleted them with the project.
--
-- The foreign keys come back NOT VALID, which looks at new rows only, and validate looks at the old ones. Until they are
-- back, the older release leaves such links as well: that is why validate repairs once more. The tables can be big.

-- phase: prepare
SELECT langfuse_rollout.delete_rows('trace_media', $condition$
  NOT EXISTS (SELECT FROM public.projects AS project WHERE project.id = this.project_id)
$condition$, 'its project is gone');
SELECT langfuse_rollout.delete_rows('observation_media', $condition$
  NOT EXISTS (SELECT FROM public.projects AS project WHERE project.id = this.project_id)
$condition$, 'its project is gone');

-- phase: contract
SELECT langfuse_rollout.add_constraint('trace_media', 'trace_media_project_id_fkey',
  'FOREIGN KEY (project_id) REFERENCES public.projects (id) ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');
SELECT langfuse_rollout.add_constraint('observation_media', 'observation_media_project_id_fkey',
  'FOREIGN KEY (project_id) REFERENCES public.projects (id) ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');

-- phase: validate
SELECT langfuse_rollout.delete_rows('trace_media', $condition$
  NOT EXISTS (SELECT FROM public.projects AS project WHERE project.id = this.project_id)
$condition$, 'its project is gone');
SELECT langfuse_rollout.delete_rows('observation_media', $condition$
  NOT EXISTS (SELECT FROM public.projects AS project WHERE project.id = this.project_id)
$condition$, 'its project is gone');
SELECT langfuse_rollout.validate_constraint('trace_media', 'trace_media_project_id_fkey');
SELECT langfuse_rollout.validate_constraint('observation_media', 'observation_media_project_id_fkey');
-- end
