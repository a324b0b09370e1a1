import type { Threat } from '../threat.ts'

const kind = 'enum label in use'

/** Rows that use labels which the older release's type has not. */
export const labels: readonly Threat[] = [
  ...(
    [
      ['20250520123737_add_single_aggregate_chart_type', 'NUMBER'],
      ['20250604085536_add_histogram_chart_type', 'HISTOGRAM'],
      ['20250625_add_pivot_table_charttype', 'PIVOT_TABLE'],
      ['20260211132728_add_chart_type_area_time_series', 'AREA_TIME_SERIES'],
    ] as const
  ).map(
    ([undoing, label]): Threat => ({
      undoing,
      kind,
      what: `a dashboard widget of chart type ${label}`,
      rows: [
        [
          'dashboard_widgets',
          { id: `widget ${label}`, project_id: 'one', chart_type: label, view: 'TRACES' },
        ],
        // A widget of Langfuse itself has no project.
        ['dashboard_widgets', { id: `own ${label}`, project_id: null, chart_type: label, view: 'TRACES' }],
      ],
      after: `SELECT count(*) = 2 FROM dashboard_widgets WHERE id IN ('widget ${label}', 'own ${label}')`,
    }),
  ),
  {
    undoing: '20250724160133_add_session_object_type_annoation_queue_items',
    kind,
    what: 'a session in an annotation queue',
    rows: [['annotation_queue_items', { id: 'item of a session', object_type: 'SESSION', object_id: 's1' }]],
  },
  {
    undoing: '20250730100100_add_slack_integration',
    kind,
    what: 'an automation that posts to Slack',
    rows: [
      ['actions', { id: 'slack action', type: 'SLACK', config: '{"channelId":"C1; \\"x\\""}' }],
      ['triggers', { id: 'slack trigger', eventSource: 'prompt' }],
      ['automations', { id: 'slack automation', action_id: 'slack action', trigger_id: 'slack trigger' }],
      ['slack_integrations', { id: 'slack', project_id: 'one', bot_token: 'secret' }],
    ],
    after: `SELECT count(*) = 1 FROM automations WHERE id = 'slack automation'`,
  },
  {
    undoing: '20250820143856_add_observation_types',
    kind,
    what: 'observations of all new types',
    rows: ['AGENT', 'TOOL', 'CHAIN', 'RETRIEVER', 'EVALUATOR', 'EMBEDDING', 'GUARDRAIL'].map(type => [
      'observations',
      { id: `observation ${type}`, project_id: 'one', type },
    ]),
    after: `SELECT count(*) = 7 FROM observations WHERE id LIKE 'observation %'`,
  },
  {
    undoing: '20251014161635_job_executions_add_execution_trace_id',
    kind,
    what: 'a delayed job execution',
    rows: [['job_executions', { id: 'delayed', status: 'DELAYED', execution_trace_id: 'trace "of" it' }]],
    after: `SELECT count(*) = 1 FROM job_executions WHERE id = 'delayed'`,
  },
  {
    undoing: '20251204213345_add_github_dispatch_action_type',
    kind,
    what: 'an automation that dispatches to GitHub',
    rows: [
      ['actions', { id: 'github action', type: 'GITHUB_DISPATCH', config: '{"githubToken":"encrypted"}' }],
      ['triggers', { id: 'github trigger', eventSource: 'prompt', status: 'ACTIVE' }],
      ['automations', { id: 'github automation', action_id: 'github action', trigger_id: 'github trigger' }],
      [
        'automation_executions',
        {
          id: 'github execution',
          automation_id: 'github automation',
          action_id: 'github action',
          trigger_id: 'github trigger',
        },
      ],
    ],
    after: `SELECT count(*) = 1 FROM automation_executions WHERE id = 'github execution'`,
  },
  {
    undoing: '20260327000000_add_free_form_score_config_data_type',
    kind,
    what: 'a score configuration of free text',
    rows: [['score_configs', { id: 'free text', data_type: 'TEXT' }]],
    after: `SELECT count(*) = 1 FROM score_configs WHERE id = 'free text'`,
  },
  {
    undoing: '20260327000000_add_free_form_score_config_data_type',
    kind,
    what: 'a score of free text in Postgres, whose column has the same type and a default',
    rows: [['scores', { id: 'text score', data_type: 'TEXT', string_value: 'so; so', source: 'API' }]],
    after: `SELECT count(*) = 1 FROM scores WHERE id = 'text score'`,
  },
  {
    undoing: '20260522113010_add_paused_monitor_severity',
    kind,
    what: 'paused monitors, one of them by a bad query',
    rows: [
      ['monitors', { id: 'paused', severity: 'PAUSED', status: 'PAUSED', trigger_ids: ['t1', 't;2'] }],
      ['monitors', { id: 'bad query', severity: 'PAUSED', status: 'ERROR_BAD_QUERY' }],
      ['monitors', { id: 'alert', severity: 'ALERT', status: 'ACTIVE' }],
    ],
    after: `SELECT array_agg(severity::text ORDER BY id) = '{ALERT,UNKNOWN,UNKNOWN}'
      FROM monitors WHERE id IN ('alert', 'bad query', 'paused')`,
  },
  {
    undoing: '20260629000000_add_parquet_blob_storage_file_type',
    kind,
    what: 'an export to blob storage as Parquet',
    rows: [['blob_storage_integrations', { project_id: 'one', file_type: 'PARQUET' }]],
    after: `SELECT count(*) = 1 FROM blob_storage_integrations WHERE project_id = 'one'`,
  },
  {
    undoing: '20260709124500_add_billing_exhausted_evaluator_block_reason',
    kind,
    what: 'evaluators blocked for reasons that the older release does not know',
    rows: ['LLM_CONNECTION_BILLING_EXHAUSTED', 'LLM_CONNECTION_ENDPOINT_UNREACHABLE'].map(label => [
      'job_configurations',
      { id: label, block_reason: label, blocked_at: '2026-07-10', block_message: 'no; money' },
    ]),
    after: `SELECT count(*) = 2 FROM job_configurations
      WHERE block_message = 'no; money' AND block_reason IS NOT NULL AND blocked_at IS NOT NULL`,
  },
  {
    undoing: '20260721120000_add_boolean_score_widget_views',
    kind,
    what: 'a widget and a monitor of boolean scores',
    rows: [
      ['dashboard_widgets', { id: 'boolean', view: 'SCORES_BOOLEAN', chart_type: 'PIE' }],
      ['monitors', { id: 'boolean', view: 'SCORES_BOOLEAN' }],
    ],
    after: `SELECT (SELECT count(*) FROM monitors WHERE id = 'boolean') = 1
      AND (SELECT count(*) FROM dashboard_widgets WHERE id = 'boolean') = 1`,
  },
]
