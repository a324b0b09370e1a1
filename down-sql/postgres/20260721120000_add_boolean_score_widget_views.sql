-- undoes: 20260721120000_add_boolean_score_widget_views
-- class: schema
-- loses: nothing; widgets and monitors of boolean scores become ones of numeric scores, and go to the archive
-- count: widgets of boolean scores: SELECT count(*) FROM public.dashboard_widgets AS this WHERE this.view::text = 'SCORES_BOOLEAN'
-- count: monitors of boolean scores: SELECT count(*) FROM public.monitors AS this WHERE this.view::text = 'SCORES_BOOLEAN'
--
-- To the older release boolean scores are numeric ones, 0 and 1, with the same two measures (count and value). Only a
-- widget that splits by the boolean value itself shows an error there.

-- phase: contract
SELECT langfuse_rollout.rebuild_enum('DashboardWidgetViews',
  ARRAY['TRACES', 'OBSERVATIONS', 'SCORES_NUMERIC', 'SCORES_CATEGORICAL'], '{"SCORES_BOOLEAN": "SCORES_NUMERIC"}');
SELECT langfuse_rollout.rebuild_enum('MonitorView',
  ARRAY['OBSERVATIONS', 'SCORES_NUMERIC', 'SCORES_CATEGORICAL'], '{"SCORES_BOOLEAN": "SCORES_NUMERIC"}');
-- end
