import type { Threat } from '../threat.ts'

const kind = 'orphan of a foreign key'

/** Rows whose parents are gone, in tables that have lost their foreign key. */
export const orphans: readonly Threat[] = [
  {
    undoing: '20241206115829_remove_trace_score_observation_constraints',
    failsUp: '20250108220721_add_queue_backup_table',
    kind,
    what: 'traces of sessions without a row, and job executions whose score is only in ClickHouse',
    rows: [
      ['trace_sessions', { id: 's', project_id: 'one' }],
      ['traces', { id: 't3', project_id: 'one', session_id: 'missing', created_at: '2024-12-09 10:00' }],
      ['traces', { id: 't4', project_id: 'one', session_id: 'missing', created_at: '2024-12-09 09:00' }],
      ['traces', { id: 't5', project_id: 'two', session_id: 's' }], // a session of that name, of another project
      ['traces', { id: 't6', project_id: `p'3"; --`, session_id: `it's "odd"; \\ session` }],
      ['traces', { id: 't7', project_id: 'one', session_id: '' }],
      ['job_executions', { id: 'j3', project_id: 'one', job_output_score_id: 'in-clickhouse' }],
      ['job_executions', { id: 'j4', project_id: 'one', job_output_score_id: 'in-clickhouse' }],
      ['job_executions', { id: 'j5', project_id: 'one', job_output_score_id: `'; DROP TABLE traces` }],
    ],
    after: `SELECT count(*) = 5 AND bool_and(session_id IS NOT NULL) FROM traces WHERE id IN ('t3', 't4', 't5', 't6', 't7')`,
  },
  {
    undoing: '20250109083346_drop_trace_tracesession_fk',
    kind,
    what: 'traces of a session that was never written to Postgres',
    rows: [
      ['traces', { id: 'orphan 1', project_id: 'one', session_id: 'never written' }],
      ['traces', { id: 'orphan 2', project_id: 'two', session_id: 'never written' }],
    ],
    after: `SELECT bool_and(session_id IS NOT NULL) FROM traces WHERE id IN ('orphan 1', 'orphan 2')`,
  },
  {
    undoing: '20251208121203_dataset_run_items_drop_fk_dataset_items',
    kind,
    what: 'dataset run items whose item was deleted',
    rows: [
      [
        'dataset_run_items',
        {
          id: 'of deleted',
          project_id: 'one',
          dataset_run_id: 'run',
          dataset_item_id: 'gone',
          trace_id: 't',
        },
      ],
      ['dataset_items', { id: 'still there', project_id: 'one', dataset_id: 'questions' }],
      [
        'dataset_run_items',
        {
          id: 'of present',
          project_id: 'one',
          dataset_run_id: 'run',
          dataset_item_id: 'still there',
          trace_id: 't',
        },
      ],
    ],
    after: `SELECT bool_or(id = 'of present') FROM dataset_run_items`,
  },
  {
    undoing: '20260113112907_dataset_item_events_drop_fk_datasets',
    kind,
    what: 'events of items in a dataset that was deleted',
    rows: [
      ['dataset_item_events', { id: 'e1', item_id: 'i', project_id: 'one', dataset_id: 'gone' }],
      ['dataset_item_events', { id: 'e2', item_id: 'i', project_id: 'two', dataset_id: 'questions' }], // p1 has it
    ],
  },
  {
    undoing: '20260610170000_remove_media_link_foreign_keys',
    kind,
    what: 'links to media that was deleted, or is of another project or of one that was deleted',
    rows: [
      ['media', { id: 'of p1', project_id: 'one', sha_256_hash: 'orphans', content_length: 1 }],
      [
        'trace_media',
        { id: 'lost 1', project_id: 'one', media_id: 'deleted', trace_id: 't', field: 'input' },
      ],
      ['trace_media', { id: 'lost 2', project_id: 'two', media_id: 'of p1', trace_id: 't', field: 'input' }],
      ['trace_media', { id: 'found', project_id: 'one', media_id: 'of p1', trace_id: 't', field: 'input' }],
      ['trace_media', { id: 'lost 4', project_id: 'gone', media_id: 'of p1', trace_id: 't', field: 'input' }],
      [
        'observation_media',
        {
          id: 'lost 3',
          project_id: 'one',
          media_id: 'deleted',
          trace_id: 't',
          observation_id: 'o',
          field: 'x',
        },
      ],
    ],
    after: `SELECT count(*) = 1 FROM trace_media WHERE id = 'found'`,
  },
  {
    undoing: '20260612000000_drop_job_executions_job_template_id_fkey',
    kind,
    what: 'a job execution of an evaluator template that was deleted',
    rows: [['job_executions', { id: 'no template', status: 'COMPLETED', job_template_id: 'deleted' }]],
    after: `SELECT count(*) = 1 FROM job_executions WHERE id = 'no template'`,
  },
  {
    undoing: '20260807120000_drop_job_execution_configuration_fk',
    kind,
    what: 'job executions of a configuration that was deleted',
    rows: [
      [
        'job_executions',
        { id: 'no configuration 1', status: 'ERROR', job_configuration_id: 'deleted; "jc"' },
      ],
      [
        'job_executions',
        { id: 'no configuration 2', status: 'PENDING', job_configuration_id: 'deleted; "jc"' },
      ],
    ],
  },
]
