-- undoes: 20260211132728_add_chart_type_area_time_series
-- class: schema
-- loses: nothing; widgets that are area charts become line charts; the archive keeps the originals
-- count: widgets that are area charts: SELECT count(*) FROM public.dashboard_widgets AS this WHERE this.chart_type::text = 'AREA_TIME_SERIES'
--
-- A line chart shows the same series. The type stands in chart_config a second time, and the older release refuses
-- one that it does not know.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('dashboard_widgets', $set$
  chart_type = CASE this.chart_type::text WHEN 'AREA_TIME_SERIES' THEN 'LINE_TIME_SERIES' ELSE this.chart_type END,
  chart_config = CASE this.chart_config ->> 'type' WHEN 'AREA_TIME_SERIES'
    THEN jsonb_set(this.chart_config, '{type}', '"LINE_TIME_SERIES"') ELSE this.chart_config END
$set$, $condition$
  this.chart_type::text = 'AREA_TIME_SERIES' OR this.chart_config ->> 'type' = 'AREA_TIME_SERIES'
$condition$, 'the older release has no area charts');
SELECT langfuse_rollout.rebuild_enum('DashboardWidgetChartType',
  ARRAY['LINE_TIME_SERIES', 'BAR_TIME_SERIES', 'HORIZONTAL_BAR', 'VERTICAL_BAR', 'PIE', 'NUMBER', 'HISTOGRAM', 'PIVOT_TABLE'],
  '{"AREA_TIME_SERIES": "LINE_TIME_SERIES"}');
-- end
