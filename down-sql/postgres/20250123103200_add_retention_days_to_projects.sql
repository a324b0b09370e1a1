-- undoes: 20250123103200_add_retention_days_to_projects
-- class: schema
-- loses: nothing; the retention settings of projects go to the archive; the older release deletes nothing by age
-- count: projects that delete data by age: SELECT count(*) FROM public.projects AS this WHERE this.retention_days IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('projects', 'retention_days');
-- end
