import type { Snapshot } from '../../src/schema/snapshot.ts'
import { generateSql } from './data/rows.ts'
import { tablesOf } from './data/tables.ts'
import { threatSql, world } from './data/threat.ts'

/** A file that gives back what deploy kept, and the rows that its migration deletes. */
export type KeepCase = {
  readonly migration: string
  /** What the manifest says of each call: kind, table, how, rows kept of the rows below and of two ordinary ones. */
  readonly keeps: readonly (readonly [kind: string, table: string, how: string | null])[]
  /** SQL for rows that are easily damaged, or that only just are what the migration deletes. */
  readonly hostile: string
  /** SQL for so many rows more of the biggest table. */
  readonly large: (rows: number) => string
}

const odd = `E'it''s "odd"; \\\\ \\n\\t$1 %I éß🚀'`

export const keepCases: readonly KeepCase[] = [
  {
    migration: '20250211102600_drop_event_log_table',
    keeps: [['table', 'event_log', 'copied']],
    hostile: `INSERT INTO event_log (id, bucket_name, bucket_path, project_id, entity_type, entity_id, event_id, created_at)
      VALUES (${odd}, '', ${odd}, 'one', 'trace', 'x', 'y', '-infinity');`,
    large:
      rows => `INSERT INTO event_log (id, bucket_name, bucket_path, project_id, entity_type, entity_id, event_id)
      SELECT 'many ' || n, 'b', 'p', 'one', 'trace', 'e', 'e' FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20250211123300_drop_events_table',
    keeps: [['table', 'events', 'moved']],
    hostile: `INSERT INTO events (id, project_id, data, url) VALUES
      (${odd}, 'one', '{"b": 1e400, "a": [null, "\\"", 0.10]}', ${odd}), ('', 'two', 'null', NULL);`,
    large: rows => `INSERT INTO events (id, project_id, data)
      SELECT 'many ' || n, 'one', '{}' FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20250321102240_drop_queue_backup_table',
    keeps: [['table', 'queue_backups', 'copied']],
    hostile: `INSERT INTO queue_backups (id, queue_name, content) VALUES (${odd}, ${odd}, '"\\\\u0000"');`,
    large: rows => `INSERT INTO queue_backups (id, queue_name, content)
      SELECT 'many ' || n, 'q', '[]' FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20250403153555_membership_invitations_no_duplicates',
    keeps: [['rows', 'membership_invitations', 'copied']],
    // Three of one address at the same moment, and two at different ones; one address in two organizations is none.
    hostile: `INSERT INTO membership_invitations (id, email, org_id, org_role, project_role, invited_by_user_id, updated_at)
      VALUES
      ('tie 1', ${odd}, 'first', 'VIEWER', 'NONE', 'ada', '2025-01-01'), ('tie 2', ${odd}, 'first', 'VIEWER', NULL, 'ada', '2025-01-01'),
      ('tie 3', ${odd}, 'first', 'OWNER', 'NONE', NULL, '2025-01-01'), ('old', 'same@example.com', 'second', 'OWNER', NULL, NULL, '2025-01-01'),
      ('new', 'same@example.com', 'second', 'OWNER', NULL, NULL, '2025-01-02'), ('other', 'same@example.com', 'first', 'ADMIN', NULL, 'bob', '2025-01-01');`,
    large: rows => `INSERT INTO membership_invitations (id, email, org_id, org_role, updated_at)
      SELECT 'many ' || n, 'm' || n / 2, 'first', 'VIEWER', '2025-01-01'::timestamp + n * interval '1 second'
      FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20251013134801_drop_atla_llm_keys',
    keeps: [
      ['rows', 'default_llm_models', 'copied'],
      ['rows', 'llm_api_keys', 'copied'],
    ],
    hostile: `INSERT INTO llm_api_keys (id, project_id, provider, adapter, secret_key, display_secret_key, custom_models, extra_headers) VALUES
        ('atla', 'one', ${odd}, 'atla', ${odd}, '...x', ARRAY[${odd}, NULL, ''], ${odd}),
        ('atla 2', 'two', 'atla', 'atla', 'encrypted', '...y', '{}', NULL), ('ATLA', 'two', 'other', 'Atla', 's', 'd', '{}', NULL);
      INSERT INTO default_llm_models (id, project_id, llm_api_key_id, provider, adapter, model, model_params)
        VALUES ('default', 'two', 'atla 2', 'atla', 'atla', ${odd}, '{"t": 0.10}');`,
    large:
      rows => `INSERT INTO llm_api_keys (id, project_id, provider, adapter, secret_key, display_secret_key)
      SELECT 'many ' || n, 'one', 'p' || n, CASE WHEN n % 2 = 0 THEN 'atla' ELSE 'openai' END, 's', 'd'
      FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20260113102907_dataset_items_drop_sys_id_col',
    keeps: [['column', 'dataset_items', 'copied']],
    hostile: `INSERT INTO dataset_items (id, project_id, dataset_id, sys_id, valid_from) VALUES
      (${odd}, 'one', 'questions', ${odd}, '-infinity'), (${odd}, 'one', 'questions', NULL, '2025-01-01'),
      ('empty', 'one', 'questions', '', '2025-01-01');`,
    large: rows => `INSERT INTO dataset_items (id, project_id, dataset_id)
      SELECT 'many ' || n, 'one', 'questions' FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20260113114006_dataset_item_events_drop_table',
    keeps: [['table', 'dataset_item_events', 'copied']],
    hostile: `INSERT INTO dataset_item_events (id, item_id, project_id, dataset_id, status, input, created_at) VALUES
      (${odd}, 'i', 'one', 'questions', 'ARCHIVED', '{"a": 1.0}', 'infinity'), ('bare', 'i', 'one', 'questions', NULL, NULL, NULL);`,
    large: rows => `INSERT INTO dataset_item_events (id, item_id, project_id, dataset_id, status)
      SELECT 'many ' || n, 'i', 'one', 'questions', 'ACTIVE' FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20260723124010_drop_dataset_run_items_table',
    keeps: [
      ['rows', 'background_migrations', 'copied'],
      ['table', 'dataset_run_items', 'moved'],
    ],
    hostile: `INSERT INTO dataset_run_items (id, project_id, dataset_run_id, dataset_item_id, trace_id, observation_id)
        VALUES (${odd}, 'one', 'run', ${odd}, '', NULL);
      UPDATE background_migrations SET state = '{"last": ["a", 1.10]}', finished_at = '2025-08-20 01:02:03.456'
        WHERE name LIKE '2025%';`,
    large: rows => `INSERT INTO dataset_run_items (id, project_id, dataset_run_id, dataset_item_id, trace_id)
      SELECT 'many ' || n, 'one', 'run', 'i', 't' FROM generate_series(1, ${rows}) AS n;`,
  },
  {
    migration: '20260723150000_drop_legacy_tracing_tables',
    keeps: [
      ['rows', 'background_migrations', 'copied'],
      ['table', 'observations', 'moved'],
      ['table', 'scores', 'moved'],
      ['table', 'traces', 'moved'],
    ],
    hostile: `INSERT INTO traces (id, project_id, name, tags, metadata, "timestamp")
        VALUES (${odd}, 'one', ${odd}, ARRAY[${odd}, NULL, ''], '{"n": 12345678901234567890.10}', '-infinity');
      INSERT INTO observations (id, project_id, type, level, input_cost) VALUES
        (${odd}, 'one', 'GUARDRAIL', 'ERROR', 0.000000000000000000000000000001), ('o', 'two', 'EVENT', 'DEBUG', NULL);
      INSERT INTO scores (id, project_id, trace_id, name, value, source, data_type) VALUES
        (${odd}, 'one', 'gone', 'q', 'NaN', 'EVAL', 'BOOLEAN'), ('inf', 'two', 't', 'q', '-Infinity', 'ANNOTATION', 'NUMERIC'),
        ('tiny', 'two', 't', 'q', 5e-324, 'API', 'CATEGORICAL');
      UPDATE background_migrations SET state = '{"last": 0.10}', finished_at = '2025-01-01' WHERE name LIKE '20241024%';`,
    large: rows => `INSERT INTO traces (id, project_id, name)
        SELECT 'many ' || n, 'one', 'n' FROM generate_series(1, ${rows}) AS n;
      INSERT INTO observations (id, project_id, type) SELECT 'many ' || n, 'one', 'SPAN' FROM generate_series(1, ${rows}) AS n;`,
  },
]

/** Two rows in every table, and the parents that a case's own rows refer to. */
export function ordinarySql(schema: Snapshot): readonly string[] {
  const tables = [...tablesOf(schema).keys()]
  return [...[0, 1].map(place => generateSql(schema, tables, place)), threatSql(schema, { rows: world })]
}
