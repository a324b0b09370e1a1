-- undoes: 20250822135300_add_dashboard_filters
-- class: schema
-- loses: nothing; filters of dashboards go to the archive
-- count: dashboards with filters: SELECT count(*) FROM public.dashboards AS this WHERE this.filters <> '[]'

-- phase: contract
SELECT langfuse_rollout.drop_column('dashboards', 'filters');
-- end
