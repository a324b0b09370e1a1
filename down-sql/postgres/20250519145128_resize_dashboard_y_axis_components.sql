-- undoes: 20250519145128_resize_dashboard_y_axis_components
-- class: schema
-- loses: nothing; positions and heights on dashboards are divided by 3 and rounded; the archive keeps the exact values
-- count: dashboards whose widgets move to the older, coarser grid: SELECT count(*) FROM public.dashboards AS this WHERE this.definition -> 'widgets' IS DISTINCT FROM '[]'
--
-- The migration multiplied y and y_size of every widget by 3 and changed no schema. Dashboards made later are in the
-- newer scale from the start, so all are divided; a widget stays at least 1 high. The older release, and the migration
-- when it runs again, fail on a definition without a list of widgets and on a widget whose y is no whole number: such
-- a definition gets an empty list, such a y 0, and what is no widget at all is left out.
-- A dashboard of Langfuse's own (no project) also gets an old updated_at: the next worker that has it writes it anew.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('dashboards',
  $$
    definition = jsonb_set(
      CASE jsonb_typeof(this.definition) WHEN 'object' THEN this.definition ELSE '{}' END,
      '{widgets}',
      (
        SELECT coalesce(jsonb_agg(
          widget || jsonb_build_object(
            'y', CASE WHEN widget ->> 'y' ~ '^[0-9]{1,9}(\.[0-9]+)?$'
              THEN round((widget ->> 'y')::numeric / 3) ELSE 0 END,
            'y_size', CASE WHEN widget ->> 'y_size' ~ '^[0-9]{1,9}(\.[0-9]+)?$'
              THEN greatest(1, round((widget ->> 'y_size')::numeric / 3)) ELSE 1 END
          ) ORDER BY place
        ), '[]')
        FROM jsonb_array_elements(
          CASE jsonb_typeof(this.definition -> 'widgets') WHEN 'array' THEN this.definition -> 'widgets' ELSE '[]' END
        ) WITH ORDINALITY AS element (widget, place)
        WHERE jsonb_typeof(widget) = 'object'
      )
    ),
    updated_at = CASE WHEN this.project_id IS NULL THEN 'epoch' ELSE this.updated_at END
  $$,
  $$
    this.definition -> 'widgets' IS DISTINCT FROM '[]'
    -- Dividing twice would be wrong: this rollback has not touched the dashboard yet.
    AND NOT EXISTS (
      SELECT FROM langfuse_rollout.archived_rows AS known
      WHERE known.rollback_id = current_setting('langfuse_rollout.rollback_id')
        AND known.migration = current_setting('langfuse_rollout.migration')
        AND known.row ->> 'id' = this.id
    )
  $$,
  'the older release draws rows three times as high');
-- end
