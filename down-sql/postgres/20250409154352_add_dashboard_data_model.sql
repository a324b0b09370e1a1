-- undoes: 20250409154352_add_dashboard_data_model
-- class: schema
-- loses: nothing; dashboards and their widgets go to the archive
-- count: dashboards and widgets that go to the archive: SELECT (SELECT count(*) FROM public.dashboards) + (SELECT count(*) FROM public.dashboard_widgets)

-- phase: contract
SELECT langfuse_rollout.drop_table('dashboards');
SELECT langfuse_rollout.drop_table('dashboard_widgets');
SELECT langfuse_rollout.drop_enum('DashboardWidgetChartType');
SELECT langfuse_rollout.drop_enum('DashboardWidgetViews');
-- end
