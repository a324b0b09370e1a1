-- undoes: 20250420120553_add_organization_and_project_metadata
-- class: schema
-- loses: nothing; metadata of organizations and projects goes to the archive
-- count: organizations and projects with metadata: SELECT (SELECT count(*) FROM public.organizations AS this WHERE this.metadata IS NOT NULL) + (SELECT count(*) FROM public.projects AS this WHERE this.metadata IS NOT NULL)

-- phase: contract
SELECT langfuse_rollout.drop_column('organizations', 'metadata');
SELECT langfuse_rollout.drop_column('projects', 'metadata');
-- end
