-- undoes: 20260610170000_remove_media_link_foreign_keys
-- class: schema
-- loses: nothing; links to media that are gone go to the archive
-- count: links of traces to media that are gone: SELECT count(*) FROM public.trace_media AS this WHERE NOT EXISTS (SELECT FROM public.media AS media WHERE media.id = this.media_id AND media.project_id = this.project_id)
-- count: links of observations to media that are gone: SELECT count(*) FROM public.observation_media AS this WHERE NOT EXISTS (SELECT FROM public.media AS media WHERE media.id = this.media_id AND media.project_id = this.project_id)
--
-- The newer release may write a link before the media, or leave it when it deletes the media. To the older one such a
-- link is an error; its foreign keys would have deleted it with the media.
--
-- The foreign keys come back NOT VALID, which looks at new rows only, and validate looks at the old ones. Until they are
-- back, the older release leaves such links as well: that is why validate repairs once more. The tables can be big.

-- phase: prepare
SELECT langfuse_rollout.delete_rows('trace_media', $condition$
  NOT EXISTS (SELECT FROM public.media AS media WHERE media.id = this.media_id AND media.project_id = this.project_id)
$condition$, 'its media are gone');
SELECT langfuse_rollout.delete_rows('observation_media', $condition$
  NOT EXISTS (SELECT FROM public.media AS media WHERE media.id = this.media_id AND media.project_id = this.project_id)
$condition$, 'its media are gone');

-- phase: contract
SELECT langfuse_rollout.add_constraint('trace_media', 'trace_media_media_id_project_id_fkey',
  'FOREIGN KEY (media_id, project_id) REFERENCES public.media (id, project_id) ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');
SELECT langfuse_rollout.add_constraint('observation_media', 'observation_media_media_id_project_id_fkey',
  'FOREIGN KEY (media_id, project_id) REFERENCES public.media (id, project_id) ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');

-- phase: validate
SELECT langfuse_rollout.delete_rows('trace_media', $condition$
  NOT EXISTS (SELECT FROM public.media AS media WHERE media.id = this.media_id AND media.project_id = this.project_id)
$condition$, 'its media are gone');
SELECT langfuse_rollout.delete_rows('observation_media', $condition$
  NOT EXISTS (SELECT FROM public.media AS media WHERE media.id = this.media_id AND media.project_id = this.project_id)
$condition$, 'its media are gone');
SELECT langfuse_rollout.validate_constraint('trace_media', 'trace_media_media_id_project_id_fkey');
SELECT langfuse_rollout.validate_constraint('observation_media', 'observation_media_media_id_project_id_fkey');
-- end
