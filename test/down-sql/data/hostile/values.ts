import type { Threat } from '../threat.ts'

const kind = 'value that is easily damaged'

/** Values of columns and tables that an undo moves or copies, and that must come out of the archive as they went in. */
export const values: readonly Threat[] = [
  {
    undoing: '20241124115100_add_projects_deleted_at',
    kind,
    what: 'projects deleted at a moment, and for ever, with ids that need quotes',
    rows: [
      [
        'projects',
        { id: `p"4'; DROP TABLE projects; --`, org_id: 'first', deleted_at: '2024-12-10 01:02:03.456' },
      ],
      ['projects', { id: 'p5 \\ 日本 🐈', org_id: 'first', deleted_at: 'infinity' }],
      ['projects', { id: ' ', org_id: 'first', deleted_at: '-infinity' }],
    ],
  },
  {
    undoing: '20250122152102_add_llm_api_keys_extra_headers',
    kind,
    what: 'arrays: empty, with quotes and commas, with an empty text',
    rows: [
      [
        'llm_api_keys',
        {
          id: 'headers',
          project_id: 'two',
          provider: 'headers',
          extra_header_keys: ['a,"b', '', `it's; {}`],
        },
      ],
      ['llm_api_keys', { id: 'no headers', project_id: 'two', provider: 'no headers', extra_headers: '' }],
    ],
    sql: `UPDATE llm_api_keys SET extra_header_keys = '{NULL,"NULL"}' WHERE id = 'no headers';`,
  },
  {
    undoing: '20251006173445_add_cloud_spend_alerts',
    kind,
    what: 'numbers of 65 digits in a table that goes',
    rows: [
      [
        'cloud_spend_alerts',
        {
          id: 'n1',
          org_id: 'first',
          threshold: '12345678901234567890123456789012345.123456789012345678901234567891',
        },
      ],
      ['cloud_spend_alerts', { id: 'n2', org_id: 'second', threshold: '-0.000000000000000000000000000001' }],
    ],
  },
  {
    undoing: '20251104091248_add_dataset_schema_enforcement',
    kind,
    what: "JSON's null, which is not SQL's, and JSON with its keys in an order and twice",
    rows: [
      [
        'datasets',
        { id: 'json null', project_id: 'one', name: 'a', input_schema: 'null', expected_output_schema: null },
      ],
      ['datasets', { id: 'json order', project_id: 'two', name: 'b', input_schema: '{"z":1,"a":2,"z":3}' }],
    ],
  },
  {
    undoing: '20251210130559_add_batch_action_table',
    kind,
    what: 'a value of a megabyte, and one that ends in blanks and line ends',
    rows: [
      [
        'batch_actions',
        { id: 'blanks', project_id: 'one', user_id: 'ada', log: ' \t\r\n', query: '{"a":1e400}' },
      ],
    ],
    sql: `INSERT INTO batch_actions (id, project_id, user_id, action_type, table_name, status, query, log)
      SELECT 'long', 'one', 'ada', 'x', 'traces', 'done', '{}', string_agg(md5(n::text), '') FROM generate_series(1, 32768) n;`,
  },
  {
    undoing: '20260106130000_add_inline_comment_columns',
    kind,
    what: 'inline comments: places in a text as arrays of numbers, also with NULL in them',
    rows: [
      [
        'comments',
        { id: 'inline', project_id: 'one', object_type: 'TRACE', data_field: 'input', path: ['$.a["b"]'] },
      ],
    ],
    sql: `UPDATE comments SET range_start = '{0,NULL,2147483647}', range_end = NULL WHERE id = 'inline';`,
  },
  {
    undoing: '20260113102907_dataset_items_drop_sys_id_col',
    kind,
    what: 'dataset items written after the column was dropped, which come without its value',
    rows: [['dataset_items', { id: 'no sys id', project_id: 'one', dataset_id: 'questions', input: '"x"' }]],
  },
  {
    undoing: '20260506000000_add_blob_storage_export_field_groups',
    kind,
    what: 'a choice of fields that is not the default',
    rows: [
      [
        'blob_storage_integrations',
        { project_id: `p'3"; --`, export_field_groups: ['core', 'own; "group"'] },
      ],
    ],
  },
  {
    undoing: '20260130000000_add_v4_beta_enabled',
    kind,
    what: 'a column whose values are partly the default',
    rows: [
      ['users', { id: 'beta', email: 'beta@example.com', v4_beta_enabled: true }],
      ['users', { id: 'no beta', email: 'no-beta@example.com', v4_beta_enabled: false }],
    ],
  },
  {
    undoing: '20260723165610_add_remote_experiment_auth_headers',
    kind,
    what: 'secrets in columns that go',
    rows: [
      [
        'datasets',
        {
          id: 'remote',
          project_id: 'one',
          name: 'remote',
          remote_experiment_secret_key: 'v1:\\x00"\'; --',
          remote_experiment_request_headers: '{"Authorization":"Bearer \\u0041"}',
        },
      ],
    ],
  },
  {
    undoing: '20250116154613_add_billing_meter_backups',
    kind,
    what: 'equal rows but for their time in a table without a primary key',
    rows: ['2025-01-01', '2025-01-02'].map(start => [
      'billing_meter_backups',
      {
        stripe_customer_id: 'c',
        meter_id: 'm',
        start_time: start,
        end_time: '2025-02-01',
        aggregated_value: -2_147_483_648,
        event_name: 'e',
        org_id: 'first',
      },
    ]),
  },
]
