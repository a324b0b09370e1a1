-- undoes: 20241124115100_add_projects_deleted_at
-- class: schema
-- loses: nothing; projects with deleted_at set are archived, and the older release shows them as any other project
--
-- The column marks projects that the newer release is about to delete. The older release does not know it.

-- phase: contract
DO $down$
BEGIN
  IF EXISTS (
    SELECT FROM pg_catalog.pg_attribute
    WHERE attrelid = pg_catalog.to_regclass('public.projects') AND attname = 'deleted_at' AND NOT attisdropped
  ) THEN
    -- Between reading the values and dropping the column nobody may set another one.
    LOCK TABLE public.projects IN ACCESS EXCLUSIVE MODE;

    INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, row)
    SELECT
      current_setting('langfuse_rollout.rollback_id'),
      '20241124115100_add_projects_deleted_at',
      'public.projects',
      'the column deleted_at is dropped',
      to_jsonb(project)
    FROM public.projects AS project
    WHERE project.deleted_at IS NOT NULL;

    ALTER TABLE public.projects DROP COLUMN deleted_at;
  END IF;
END
$down$;
-- end
