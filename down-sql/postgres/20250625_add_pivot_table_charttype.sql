-- undoes: 20250625_add_pivot_table_charttype
-- class: schema
-- loses: nothing; pivot tables become horizontal bars, which show the first metric by the first dimension
-- count: widgets that show a pivot table: SELECT count(*) FROM public.dashboard_widgets AS this WHERE this.chart_type::text = 'PIVOT_TABLE' OR this.chart_config ->> 'type' = 'PIVOT_TABLE'
--
-- The chart type is in the configuration as well, and the older release refuses the list of all widgets when it does
-- not know one there. Dimensions and metrics stay, so that the type is all there is to choose again.
-- A widget of Langfuse's own (no project) also gets an old updated_at: the next worker that has it writes it anew.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('dashboard_widgets',
  $$
    chart_type = CASE this.chart_type::text WHEN 'PIVOT_TABLE' THEN 'HORIZONTAL_BAR' ELSE this.chart_type END,
    chart_config = CASE this.chart_config ->> 'type'
      WHEN 'PIVOT_TABLE' THEN this.chart_config || '{"type": "HORIZONTAL_BAR"}' ELSE this.chart_config END,
    updated_at = CASE WHEN this.project_id IS NULL THEN 'epoch' ELSE this.updated_at END
  $$,
  $$this.chart_type::text = 'PIVOT_TABLE' OR this.chart_config ->> 'type' = 'PIVOT_TABLE'$$,
  'the older release has no pivot table');
SELECT langfuse_rollout.rebuild_enum('DashboardWidgetChartType',
  ARRAY['LINE_TIME_SERIES', 'BAR_TIME_SERIES', 'HORIZONTAL_BAR', 'VERTICAL_BAR', 'PIE', 'NUMBER', 'HISTOGRAM'],
  '{"PIVOT_TABLE": "HORIZONTAL_BAR"}');
-- end
