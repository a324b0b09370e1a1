-- undoes: 20260707170000_add_project_home_dashboard
-- class: schema
-- loses: nothing; the chosen home dashboards go to the archive, and the older release shows its own
-- count: projects with a home dashboard of their own: SELECT count(*) FROM public.projects AS this WHERE this.home_dashboard_id IS NOT NULL
--
-- The foreign key goes with the column; the dashboards stay.

-- phase: contract
SELECT langfuse_rollout.drop_column('projects', 'home_dashboard_id');
-- end
