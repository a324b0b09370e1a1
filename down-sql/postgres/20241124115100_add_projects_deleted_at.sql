-- undoes: 20241124115100_add_projects_deleted_at
-- class: schema
-- loses: nothing; projects with deleted_at set are archived, and the older release shows them as any other project
-- count: projects that are marked as deleted: SELECT count(*) FROM public.projects WHERE deleted_at IS NOT NULL
--
-- The column marks projects that the newer release is about to delete. The older release does not know it.

-- phase: contract
SELECT langfuse_rollout.drop_column('projects', 'deleted_at');
-- end
