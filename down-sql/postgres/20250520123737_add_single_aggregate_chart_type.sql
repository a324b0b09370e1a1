-- undoes: 20250520123737_add_single_aggregate_chart_type
-- class: schema
-- loses: nothing; widgets that show one number become horizontal bars, which show it as one bar
-- count: widgets that show one number: SELECT count(*) FROM public.dashboard_widgets AS this WHERE this.chart_type::text = 'NUMBER' OR this.chart_config ->> 'type' = 'NUMBER'
--
-- The chart type is in the configuration as well, and the older release refuses the list of all widgets when it does
-- not know one there. The rest of the configuration stays, so that the type is all there is to choose again.
-- A widget of Langfuse's own (no project) also gets an old updated_at: the next worker that has it writes it anew.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('dashboard_widgets',
  $$
    chart_type = CASE this.chart_type::text WHEN 'NUMBER' THEN 'HORIZONTAL_BAR' ELSE this.chart_type END,
    chart_config = CASE this.chart_config ->> 'type'
      WHEN 'NUMBER' THEN this.chart_config || '{"type": "HORIZONTAL_BAR"}' ELSE this.chart_config END,
    updated_at = CASE WHEN this.project_id IS NULL THEN 'epoch' ELSE this.updated_at END
  $$,
  $$this.chart_type::text = 'NUMBER' OR this.chart_config ->> 'type' = 'NUMBER'$$,
  'the older release has no chart of one number');
SELECT langfuse_rollout.rebuild_enum('DashboardWidgetChartType',
  ARRAY['LINE_TIME_SERIES', 'BAR_TIME_SERIES', 'HORIZONTAL_BAR', 'VERTICAL_BAR', 'PIE'],
  '{"NUMBER": "HORIZONTAL_BAR"}');
-- end
