-- undoes: 20250519093328_media_relax_id_uniqueness_to_project_only
-- class: schema
-- loses: nothing; a file shared by several projects gets the older release's id in all but the first project, links included. Texts with the previous id no longer find the file there
-- count: media that get another id, because another project has theirs: SELECT count(*) FROM public.media AS this WHERE EXISTS (SELECT FROM public.media AS first WHERE first.id = this.id AND (first.created_at, first.project_id) < (this.created_at, this.project_id))
--
-- The newer release makes a file's id from its hash, so that two projects with one file share the id. To the older
-- release an id is unique: it makes it from the project and the hash. The project that had the file first keeps the id;
-- in the others the row gets the older id, and the links follow by ON UPDATE CASCADE. No row is deleted, no link is
-- left without its file (the next upgrade's foreign keys would fail on it), and the file stays where it is in its bucket.

-- phase: contract
-- The links are changed by the foreign keys, which archive nothing.
SELECT langfuse_rollout.archive_rows(link,
  'EXISTS (
     SELECT FROM public.media AS mine JOIN public.media AS first ON first.id = mine.id
     WHERE mine.id = this.media_id AND mine.project_id = this.project_id
       AND (first.created_at, first.project_id) < (mine.created_at, mine.project_id)
   )',
  'its file gets another id, since another project has the same')
FROM unnest(ARRAY['trace_media', 'observation_media']) AS link;

SELECT langfuse_rollout.rewrite_rows('media',
  'id = left(translate(
     encode(sha256(convert_to(this.project_id || this.sha_256_hash, ''UTF8'')), ''base64''), ''+/'', ''-_''), 22)',
  'EXISTS (
     SELECT FROM public.media AS first
     WHERE first.id = this.id AND (first.created_at, first.project_id) < (this.created_at, this.project_id)
   )',
  'another project has a file with this id');

SELECT langfuse_rollout.drop_constraint('trace_media', 'trace_media_media_id_project_id_fkey');
SELECT langfuse_rollout.drop_constraint('observation_media', 'observation_media_media_id_project_id_fkey');
SELECT langfuse_rollout.add_constraint('media', 'media_pkey', 'PRIMARY KEY (id)');
SELECT langfuse_rollout.add_constraint('trace_media', 'trace_media_media_id_fkey',
  'FOREIGN KEY (media_id) REFERENCES public.media (id) ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');
SELECT langfuse_rollout.add_constraint('observation_media', 'observation_media_media_id_fkey',
  'FOREIGN KEY (media_id) REFERENCES public.media (id) ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');

-- phase: validate
SELECT langfuse_rollout.validate_constraint('trace_media', 'trace_media_media_id_fkey');
SELECT langfuse_rollout.validate_constraint('observation_media', 'observation_media_media_id_fkey');
-- end
