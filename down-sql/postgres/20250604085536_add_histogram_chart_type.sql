-- undoes: 20250604085536_add_histogram_chart_type
-- class: schema
-- loses: nothing; histograms become vertical bars of the median
-- count: widgets that show a histogram: SELECT count(*) FROM public.dashboard_widgets AS this WHERE this.chart_type::text = 'HISTOGRAM' OR this.chart_config ->> 'type' = 'HISTOGRAM' OR this.metrics @> '[{"agg": "histogram"}]'
--
-- The chart type is in the configuration as well, and the older release refuses the list of all widgets when it does
-- not know one there. It also does not know the aggregation; the median is the one number that says most about how
-- values are distributed. The rest of the configuration stays.
-- A widget of Langfuse's own (no project) also gets an old updated_at: the next worker that has it writes it anew.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('dashboard_widgets',
  $$
    chart_type = CASE this.chart_type::text WHEN 'HISTOGRAM' THEN 'VERTICAL_BAR' ELSE this.chart_type END,
    chart_config = CASE this.chart_config ->> 'type'
      WHEN 'HISTOGRAM' THEN this.chart_config || '{"type": "VERTICAL_BAR"}' ELSE this.chart_config END,
    metrics = CASE WHEN this.metrics @> '[{"agg": "histogram"}]' THEN (
      SELECT jsonb_agg(
        CASE metric ->> 'agg' WHEN 'histogram' THEN metric || '{"agg": "p50"}' ELSE metric END ORDER BY place)
      FROM jsonb_array_elements(this.metrics) WITH ORDINALITY AS element (metric, place)
    ) ELSE this.metrics END,
    updated_at = CASE WHEN this.project_id IS NULL THEN 'epoch' ELSE this.updated_at END
  $$,
  $$this.chart_type::text = 'HISTOGRAM' OR this.chart_config ->> 'type' = 'HISTOGRAM'
    OR this.metrics @> '[{"agg": "histogram"}]'$$,
  'the older release has no histogram');
SELECT langfuse_rollout.rebuild_enum('DashboardWidgetChartType',
  ARRAY['LINE_TIME_SERIES', 'BAR_TIME_SERIES', 'HORIZONTAL_BAR', 'VERTICAL_BAR', 'PIE', 'NUMBER'],
  '{"HISTOGRAM": "VERTICAL_BAR"}');
-- end
