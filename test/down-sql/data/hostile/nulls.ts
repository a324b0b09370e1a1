import type { Threat } from '../threat.ts'

const kind = 'NULL where there may be none'

/** Rows with NULLs in columns that the older release requires. */
export const nulls: readonly Threat[] = [
  {
    undoing: '20250310100328_add_api_key_to_audit_log',
    kind,
    what: 'an audit log of what an API key did: no user, no role',
    rows: [
      [
        'audit_logs',
        {
          id: 'by key',
          type: 'API_KEY',
          api_key_id: 'k1',
          user_id: null,
          user_org_role: null,
          org_id: 'first',
        },
      ],
      ['audit_logs', { id: 'by user', type: 'USER', user_id: 'ada', user_org_role: null, org_id: 'first' }],
    ],
    // An audit log is evidence: no row of it may go.
    after: `SELECT count(*) = 2 AND bool_and(user_id IS NOT NULL)
      AND bool_or(id = 'by user' AND user_id = 'ada') FROM audit_logs WHERE id IN ('by key', 'by user')`,
  },
  {
    undoing: '20250410145712_add_organization_scoped_api_keys',
    kind,
    what: 'an API key of an organization, which has no project',
    rows: [
      [
        'api_keys',
        {
          id: 'organization key',
          scope: 'ORGANIZATION',
          organization_id: 'first',
          project_id: null,
          public_key: 'pk-first',
          hashed_secret_key: 'hash of org',
          fast_hashed_secret_key: 'fast hash of org',
        },
      ],
      ['api_keys', { id: 'project key', scope: 'PROJECT', project_id: 'one', public_key: 'pk-p1' }],
    ],
    // The older release would take it for a key of whatever project it were given.
    after: `SELECT count(*) = 1 AND bool_and(id = 'project key' AND project_id = 'one')
      FROM api_keys WHERE id IN ('organization key', 'project key')`,
  },
  {
    undoing: '20250523110540_modify_nullable_cols_eval_templates',
    kind,
    what: 'managed evaluators (no project, no model), two of one name, used by active job configurations',
    rows: [
      [
        'eval_templates',
        {
          id: 'managed 1',
          name: 'Hallucination',
          version: 1,
          project_id: null,
          model: null,
          provider: null,
          model_params: null,
          partner: 'ragas',
          prompt: 'Is it true?',
        },
      ],
      // NULLs are distinct, so the unique index on (project, name, version) takes it.
      [
        'eval_templates',
        { id: 'managed 2', name: 'Hallucination', version: 1, project_id: null, prompt: '?' },
      ],
      [
        'eval_templates',
        { id: 'of a project', name: 'Own', version: 1, project_id: 'one', model: null, provider: null },
      ],
      [
        'eval_templates',
        {
          id: 'other project',
          name: 'Other',
          version: 1,
          project_id: 'two',
          model_params: 'null',
          model: 'm',
        },
      ],
      ['job_configurations', { id: 'by managed 1', eval_template_id: 'managed 1', status: 'ACTIVE' }],
      [
        'job_configurations',
        { id: 'by managed 2', eval_template_id: 'managed 2', status: 'ACTIVE', project_id: 'two' },
      ],
      ['job_configurations', { id: 'by own', eval_template_id: 'of a project', status: 'ACTIVE' }],
    ],
    // An evaluator may be switched off, but not go on without its template.
    after: `SELECT count(*) = 3 AND bool_and(eval_template_id IS NOT NULL OR status = 'INACTIVE')
      FROM job_configurations WHERE id IN ('by managed 1', 'by managed 2', 'by own')`,
  },
  {
    undoing: '20250529071241_make_blobstorage_integration_credentials_optional',
    kind,
    what: 'an export to blob storage by the role of the machine, without keys',
    rows: [
      [
        'blob_storage_integrations',
        { project_id: 'two', access_key_id: null, secret_access_key: null, enabled: true, type: 'S3' },
      ],
    ],
    after: `SELECT count(*) = 1 FROM blob_storage_integrations WHERE project_id = 'two'`,
  },
  {
    undoing: '20251201095227_dataset_items_add_version_cols',
    kind,
    what: 'a dataset item without a status',
    rows: [['dataset_items', { id: 'no status', dataset_id: 'questions', project_id: 'one', status: null }]],
    after: `SELECT bool_and(status = 'ACTIVE') FROM dataset_items WHERE id = 'no status'`,
  },
  {
    undoing: '20260518090000_add_code_eval_template_fields',
    kind,
    what: 'evaluators that are code, without prompt or schema, used by an active job configuration',
    rows: [
      [
        'eval_templates',
        {
          id: 'code',
          name: 'Code',
          version: 1,
          project_id: 'one',
          type: 'CODE',
          source_code: `print("it's; fine") -- $$ $1 \\ é`,
          source_code_language: 'PYTHON',
          prompt: null,
          output_schema: null,
        },
      ],
      [
        'eval_templates',
        { id: 'managed code', name: 'Code', version: 1, type: 'CODE', source_code: '', prompt: null },
      ],
      ['job_configurations', { id: 'by code', eval_template_id: 'code', status: 'ACTIVE' }],
      ['job_configurations', { id: 'by managed code', eval_template_id: 'managed code', status: 'ACTIVE' }],
    ],
    // A judge that is given an empty prompt would score nonsense: it must be off.
    after: `SELECT count(*) = 2 AND bool_and(status = 'INACTIVE')
      FROM job_configurations WHERE id IN ('by code', 'by managed code')`,
  },
  {
    undoing: '20260527110000_monitor_wallclock_lifecycle',
    kind,
    what: 'a monitor that is not planned to run again',
    rows: [
      [
        'monitors',
        {
          id: 'unplanned',
          next_run_at: null,
          last_claimed_at: '2026-06-01 01:02:03.456',
          last_published_at: '2026-06-01 01:02:03.457',
          last_completed_at: null,
        },
      ],
    ],
    after: `SELECT bool_and(next_run_at IS NOT NULL AND last_published_run_at = '2026-06-01 01:02:03.457')
      FROM monitors WHERE id = 'unplanned'`,
  },
  {
    undoing: '20260617000000_slack_integrations_pending_columns',
    kind,
    what: 'Slack installations that wait for their project',
    rows: [
      [
        'slack_integrations',
        { id: 'pending 1', project_id: null, expires_at: '2026-06-20', claim_token_hash: 'h1' },
      ],
      ['slack_integrations', { id: 'pending 2', project_id: null, expires_at: null, claim_token_hash: null }],
    ],
  },
]
