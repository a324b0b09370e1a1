import type { Row } from '../rows.ts'
import type { Threat } from '../threat.ts'

const kind = 'meaning of the data'
const widget = (y: unknown, height: unknown) => ({
  type: 'widget',
  id: `w${y}`,
  x: 0,
  y,
  x_size: 4,
  y_size: height,
})
const dashboard = (id: string, definition: unknown, projectId: string | null = 'one'): Row => [
  'dashboards',
  { id, project_id: projectId, name: id, definition: JSON.stringify(definition) },
]

/** Rows that satisfy every constraint of the older release, and would mean something else to it. */
export const meanings: readonly Threat[] = [
  {
    undoing: '20250519145128_resize_dashboard_y_axis_components',
    kind,
    what: 'dashboards made after the y axis was stretched: heights that are no multiples of three, none, odd JSON',
    rows: [
      dashboard('tripled', { widgets: [widget(0, 18), widget(18, 9)], other: { y: 3 } }),
      dashboard('later', { widgets: [widget(4, 5), widget(7, 1)] }),
      dashboard('without widgets', { widgets: [] }),
      dashboard("Langfuse's own", { widgets: [widget(3, 6)] }, null),
      dashboard('widgets null', { widgets: null }),
      dashboard('no key', {}),
      dashboard('no object', [1, 'two']),
      dashboard('texts', { widgets: [widget('6', '9'), { id: 'no place' }] }),
    ],
    after: `SELECT bool_and(CASE id
        WHEN 'tripled' THEN definition #> '{widgets,0,y_size}' = '6' AND definition #> '{widgets,1,y}' = '6'
          AND definition #> '{other,y}' = '3' AND definition #> '{widgets,0,x_size}' = '4'
        WHEN 'later' THEN definition #>> '{widgets,0,y}' = '1' AND (definition #>> '{widgets,1,y_size}')::int >= 1
        WHEN 'Langfuse''s own' THEN definition #> '{widgets,0,y}' = '1'
        WHEN 'without widgets' THEN definition = '{"widgets":[]}'
        ELSE true END) FROM dashboards`,
  },
  {
    undoing: '20250128144418_llm_adapter_rename_google_vertex_ai',
    kind,
    what: 'a connection to Vertex AI, whose adapter has another name in the older release',
    rows: [
      ['llm_api_keys', { id: 'vertex', project_id: 'two', provider: 'vertex', adapter: 'google-vertex-ai' }],
    ],
    after: `SELECT adapter = 'vertex-ai' FROM llm_api_keys WHERE id = 'vertex'`,
  },
  {
    undoing: '20251013134801_drop_atla_llm_keys',
    kind,
    what: 'a connection of the adapter whose keys the migration deleted, made afterwards',
    rows: [
      ['llm_api_keys', { id: 'atla', project_id: 'two', provider: 'atla', adapter: 'atla', secret_key: 'x' }],
    ],
    after: `SELECT count(*) = 1 FROM llm_api_keys WHERE id = 'atla'`,
  },
  {
    undoing: '20251218102933_score_configs_rename_score_data_type_enum',
    kind,
    what: 'score configurations of every type, which is renamed and not made anew',
    rows: ['CATEGORICAL', 'NUMERIC', 'BOOLEAN'].map(type => [
      'score_configs',
      { id: `config ${type}`, data_type: type, categories: '[{"label":"a\\"b","value":0.1}]' },
    ]),
    after: `SELECT count(*) = 3 AND bool_and(id = 'config ' || data_type) FROM score_configs WHERE id LIKE 'config %'`,
  },
  {
    undoing: '20260521000000_monitor_severity_status_reorder_drop_message',
    kind,
    what: 'monitors of every severity and status, whose labels are put in another order',
    rows: ['UNKNOWN', 'NO_DATA', 'OK', 'WARNING', 'ALERT'].flatMap(severity =>
      ['PAUSED', 'ACTIVE', 'ERROR_BAD_QUERY'].map(
        status => ['monitors', { id: `${severity} ${status}`, severity, status }] as const,
      ),
    ),
    after: `SELECT count(*) = 15 AND bool_and(id = severity || ' ' || status) FROM monitors WHERE id ~ '^[A-Z_]+ [A-Z_]+$'`,
  },
  {
    undoing: '20260722070000_add_in_app_agent_run_lifecycle_fields',
    kind,
    what: 'agent runs: one under way with its request, one marked stale by the migration, one of older code',
    rows: [
      ['in_app_agent_conversations', { id: 'talk', project_id: 'one' }],
      [
        'in_app_agent_runs',
        {
          id: 'running',
          conversation_id: 'talk',
          status: 'running',
          request: '{"text":"it\'s; --"}',
          finished_at: null,
        },
      ],
      [
        'in_app_agent_runs',
        {
          id: 'stale',
          conversation_id: 'talk',
          finished_at: '2026-07-22',
          error_code: 'stale',
          claimed_at: 'infinity',
        },
      ],
      [
        'in_app_agent_runs',
        { id: 'older', conversation_id: 'talk', status: null, finished_at: '2026-07-01' },
      ],
      [
        'in_app_agent_events',
        { run_id: 'running', conversation_id: 'talk', sequence_number: 1, event: 'null' },
      ],
    ],
    after: `SELECT count(*) = 3 FROM in_app_agent_runs WHERE conversation_id = 'talk'`,
  },
  {
    undoing: '20250711105322_prices_add_project_id',
    kind,
    what: "a price whose project is not that of its model, and one of Langfuse's own model",
    rows: [
      ['models', { id: 'own model', project_id: null, model_name: 'own', match_pattern: 'x' }],
      [
        'prices',
        { id: 'own price', model_id: 'own model', usage_type: 'output', project_id: null, price: 1 },
      ],
      [
        'prices',
        { id: 'other price', model_id: 'model', usage_type: 'output', project_id: 'two', price: '1e-30' },
      ],
    ],
    after: `SELECT count(*) = 2 FROM prices WHERE id IN ('own price', 'other price')`,
  },
  {
    undoing: '20251001161539_organization_cloud_billing_cycle_columns',
    kind,
    what: 'organizations with and without a billing cycle',
    rows: [
      [
        'organizations',
        { id: 'billed', cloud_billing_cycle_anchor: '2025-10-01', cloud_current_cycle_usage: 7 },
      ],
      [
        'organizations',
        { id: 'not billed', cloud_billing_cycle_anchor: null, cloud_config: '{"stripe":{}}' },
      ],
    ],
  },
  {
    undoing: '20250403153555_membership_invitations_no_duplicates',
    kind,
    what: 'one person invited to two organizations, and two addresses that differ only in case',
    rows: [
      ['membership_invitations', { id: 'i1', email: 'c@example.com', org_id: 'first', org_role: 'NONE' }],
      ['membership_invitations', { id: 'i2', email: 'c@example.com', org_id: 'second', org_role: 'OWNER' }],
      ['membership_invitations', { id: 'i3', email: 'C@example.com', org_id: 'first', org_role: 'VIEWER' }],
    ],
    after: `SELECT count(*) = 3 FROM membership_invitations WHERE id IN ('i1', 'i2', 'i3')`,
  },
  {
    undoing: '20260701115500_add_create_root_spans_background_migration',
    kind,
    what: 'background migrations in the middle of their work, and one of nobody knows what',
    sql: `UPDATE background_migrations SET state = '{"maxDate":"2026-07-01; --"}', locked_at = now(), worker_id = 'w',
        failed_at = '2026-07-02', failed_reason = 'it''s "broken"' WHERE name LIKE '20260701_v4_step_1%';
      INSERT INTO background_migrations (id, name, script, args) VALUES ('mine', 'own "one"; --', 'none', '[]');`,
    after: `SELECT count(*) = 1 FROM background_migrations WHERE id = 'mine'`,
  },
  {
    undoing: '20260707170000_add_project_home_dashboard',
    kind,
    what: 'projects with a home dashboard, one of them of another project',
    rows: [
      dashboard('home', { widgets: [] }),
      ['projects', { id: 'with home', org_id: 'first', home_dashboard_id: 'home' }],
      ['projects', { id: 'with a foreign home', org_id: 'second', home_dashboard_id: 'home' }],
    ],
    after: `SELECT count(*) = 2 FROM projects WHERE id IN ('with home', 'with a foreign home')`,
  },
  {
    undoing: '20260706000000_add_api_key_created_by',
    kind,
    what: 'API keys made by a person, by another key, and by themselves',
    rows: [
      ['api_keys', { id: 'by person', project_id: 'one', created_by_user_id: 'ada' }],
      ['api_keys', { id: 'by key', project_id: 'one', created_by_api_key_id: 'by person' }],
      ['api_keys', { id: 'by itself', project_id: 'one', created_by_api_key_id: 'by itself' }],
    ],
    after: `SELECT count(*) = 3 FROM api_keys WHERE id LIKE 'by %'`,
  },
]
