/** What a Postgres migration does to rows that are there, besides `background_migrations`, where its schema needs it. */
export type RowEffect = {
  /** An enum that is made anew, since a label that is only added cannot be used in the same transaction. */
  readonly anew?: string
  /** Before its change of the schema. */
  readonly first?: string
  /** After it. */
  readonly last?: string
  /** For a NOT NULL column without a default: fills it between ADD COLUMN and SET NOT NULL. */
  readonly fill?: { readonly column: string; readonly sql: string }
}

/**
 * By migration, and written from what each one means: a stand-in's database with rows would else fail where Langfuse's
 * does not, or keep values that no database of Langfuse's has.
 */
export const rowEffects: Readonly<Record<string, RowEffect>> = {
  '20250128144418_llm_adapter_rename_google_vertex_ai': {
    last: `UPDATE llm_api_keys SET adapter = 'google-vertex-ai' WHERE adapter = 'vertex-ai'`,
  },
  '20250403153555_membership_invitations_no_duplicates': {
    first: `DELETE FROM membership_invitations AS older USING membership_invitations AS newer
      WHERE newer.email = older.email AND newer.org_id = older.org_id
        AND (newer.updated_at, newer.id) > (older.updated_at, older.id)`,
  },
  '20250519145128_resize_dashboard_y_axis_components': {
    last: `UPDATE dashboards SET definition = definition || jsonb_build_object('widgets', (
        SELECT jsonb_agg(
          widget || jsonb_build_object('y', 3 * (widget ->> 'y')::int, 'y_size', 3 * (widget ->> 'y_size')::int) ORDER BY place)
        FROM jsonb_array_elements(definition -> 'widgets') WITH ORDINALITY AS each (widget, place)))
      WHERE jsonb_array_length(definition -> 'widgets') > 0`,
  },
  '20250711105322_prices_add_project_id': {
    last: 'UPDATE prices SET project_id = model.project_id FROM models AS model WHERE model.id = prices.model_id',
  },
  '20251001161539_organization_cloud_billing_cycle_columns': {
    last: `UPDATE organizations SET cloud_billing_cycle_anchor =
      CASE WHEN coalesce(cloud_config::jsonb #>> '{stripe,activeSubscriptionId}', '') = '' THEN created_at END`,
  },
  '20251013134801_drop_atla_llm_keys': { last: `DELETE FROM llm_api_keys WHERE adapter = 'atla'` },
  '20251127105316_add_pricing_tiers': {
    fill: {
      column: 'column public.prices.pricing_tier_id',
      sql: `INSERT INTO pricing_tiers (id, model_id, name, is_default, priority, conditions)
          SELECT DISTINCT model_id || '_tier_default', model_id, 'Standard', true, 0, '[]'::jsonb FROM prices;
        UPDATE prices SET pricing_tier_id = model_id || '_tier_default'`,
    },
  },
  '20260522113010_add_paused_monitor_severity': {
    anew: 'enum public.MonitorSeverity',
    last: `UPDATE monitors SET severity = 'PAUSED' WHERE status <> 'ACTIVE'`,
  },
  '20260619120000_revert_slack_pending_install_columns': {
    first: 'DELETE FROM slack_integrations WHERE project_id IS NULL',
  },
  '20260722070000_add_in_app_agent_run_lifecycle_fields': {
    first: `UPDATE in_app_agent_runs
      SET finished_at = now(), error_code = 'stale', error_message = 'The run was stale when a new one started'
      WHERE finished_at IS NULL AND created_at < now() - interval '150 s'`,
  },
}
