import { Client } from 'pg'

export { compareFingerprints, type Fingerprint, fingerprint, type TableComparison } from './fingerprint.ts'

export type Seeded = {
  readonly projects: number
  readonly traces: number
  readonly observations: number
  readonly scores: number
}

const counts = { projects: 3, users: 6, sessions: 42, traces: 300, observations: 900, scores: 300, jobs: 60 }

/**
 * Fills a database at v2.93.7's schema with what a small team has after a few weeks: valid in every foreign key,
 * the same bytes on every run (ids, times, contents), and awkward where real data is (quotes, NULLs, other scripts).
 */
export async function seedV2(databaseUrl: string): Promise<Seeded> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    // Several statements in one message are one transaction: all or nothing.
    await client.query([people, catalogue, sessionsAndTraces, scoresAndJobs, datasets, rest].join(';\n'))
  } finally {
    await client.end()
  }
  const { projects, traces, observations, scores } = counts
  return { projects, traces, observations, scores }
}

// Time n minutes into November 2024, the weeks before v3.
function at(minutes: string): string {
  return `timestamp '2024-11-04 08:00:00.000' + (${minutes}) * interval '1 minute' + interval '123 ms'`
}

const project = (n: string) => `'project-' || (1 + ${n} % ${counts.projects})`
const times = (n: string) => `${at(n)}, ${at(n)}`
const series = (count: number) => `generate_series(1, ${count}) AS n`

const people = `
INSERT INTO organizations (id, name, created_at, updated_at)
  SELECT 'org-' || n, CASE n WHEN 1 THEN 'O''Reilly & Söhne' ELSE 'Example "Org"' END, ${times('n')} FROM ${series(2)};
INSERT INTO projects (id, org_id, name, created_at, updated_at)
  SELECT 'project-' || n, 'org-' || (1 + n % 2), 'Project ' || n, ${times('n')} FROM ${series(counts.projects)};
INSERT INTO users (id, name, email, password, admin, created_at, updated_at, feature_flags)
  SELECT 'user-' || n, CASE WHEN n % 3 = 0 THEN NULL ELSE 'User ' || n END, 'user' || n || '@example.com', NULL, n = 1,
         ${times('n')}, CASE WHEN n = 1 THEN ARRAY['beta'] ELSE ARRAY[]::text[] END FROM ${series(counts.users)};
INSERT INTO organization_memberships (id, org_id, user_id, role, created_at, updated_at)
  SELECT 'membership-' || n, 'org-' || (1 + n % 2), 'user-' || n,
         (ARRAY['OWNER', 'ADMIN', 'MEMBER'])[1 + n % 3]::"Role", ${times('n')} FROM ${series(counts.users)};
INSERT INTO api_keys (id, created_at, note, public_key, hashed_secret_key, display_secret_key, project_id)
  SELECT 'key-' || n, ${at('n')}, NULL, 'pk-lf-seed-' || n, md5('seed' || n), 'sk-lf-...' || n, 'project-' || n
    FROM ${series(counts.projects)}`

const catalogue = `
INSERT INTO models (id, created_at, updated_at, project_id, model_name, match_pattern, input_price, output_price, unit)
  VALUES ('model-seeded', ${times('0')}, NULL, 'seeded-model', '(?i)^seeded-model$', 0.0000025, 0.00001, 'TOKENS');
INSERT INTO prices (id, created_at, updated_at, model_id, usage_type, price)
  VALUES ('price-1', ${times('0')}, 'model-seeded', 'input', 0.0000025), ('price-2', ${times('0')}, 'model-seeded', 'output', 0.00001);
INSERT INTO prompts (id, created_at, updated_at, project_id, created_by, prompt, name, version, type, is_active, config, tags, labels)
  SELECT 'prompt-' || n, ${times('n')}, ${project('n')}, 'user-1', to_jsonb('Answer {{question}} as "' || n || '"'),
         'answer', n, 'text', n > 4, '{"temperature": 0.2}', ARRAY['seed'], CASE WHEN n > 4 THEN ARRAY['production'] ELSE ARRAY[]::text[] END
    FROM ${series(6)};
INSERT INTO score_configs (id, created_at, updated_at, project_id, name, data_type, min_value, max_value)
  SELECT 'score-config-' || n, ${times('n')}, 'project-' || n, 'helpfulness', 'NUMERIC', 0, 1 FROM ${series(counts.projects)}`

const sessionsAndTraces = `
INSERT INTO trace_sessions (id, project_id, created_at, updated_at, bookmarked, public)
  SELECT 'session-' || n, ${project('n')}, ${times('n')}, n % 7 = 0, n % 11 = 0 FROM ${series(counts.sessions)};
INSERT INTO traces (id, timestamp, name, user_id, metadata, release, version, project_id, public, bookmarked, tags, input, output, session_id, created_at, updated_at)
  SELECT 'trace-' || n, ${at('n * 10')}, CASE WHEN n % 9 = 0 THEN NULL ELSE 'chat "' || n % 5 || '"' END,
         CASE WHEN n % 4 = 0 THEN NULL ELSE 'end-user-' || n % 20 END,
         CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN to_jsonb('just text'::text) WHEN 2 THEN '["a", "list"]'::jsonb
                    ELSE jsonb_build_object('step', n, 'nested', jsonb_build_object('quote', 'it''s')) END,
         CASE WHEN n % 2 = 0 THEN 'v1.' || n % 3 END, NULL, ${project('n')}, n % 13 = 0, n % 17 = 0,
         CASE WHEN n % 3 = 0 THEN ARRAY['prod', 'über'] ELSE ARRAY[]::text[] END,
         jsonb_build_object('question', 'Question ' || n || ' 質問 \\ " '''), CASE WHEN n % 10 = 0 THEN NULL ELSE to_jsonb('Answer ' || n) END,
         CASE WHEN n % 5 = 0 THEN NULL ELSE 'session-' || (1 + (n - 1) % ${counts.sessions}) END, ${times('n * 10')}
    FROM ${series(counts.traces)};
INSERT INTO observations (id, trace_id, project_id, type, start_time, end_time, name, parent_observation_id, level, model, internal_model, internal_model_id,
                          "modelParameters", input, output, prompt_tokens, completion_tokens, total_tokens, unit,
                          calculated_input_cost, calculated_output_cost, calculated_total_cost, prompt_id, created_at, updated_at)
  SELECT 'observation-' || n, 'trace-' || t, ${project('t')}, (ARRAY['SPAN', 'EVENT', 'GENERATION'])[1 + n % 3]::"ObservationType",
         ${at('n * 3')}, CASE WHEN n % 3 = 1 THEN NULL ELSE ${at('n * 3 + 1')} END, 'step ' || n % 7,
         CASE WHEN n > ${counts.traces} THEN 'observation-' || (n - ${counts.traces}) END,
         (ARRAY['DEFAULT', 'DEBUG', 'WARNING', 'ERROR'])[1 + n % 4]::"ObservationLevel",
         CASE WHEN g THEN 'seeded-model' END, CASE WHEN g THEN 'seeded-model' END, CASE WHEN g THEN 'model-seeded' END,
         CASE WHEN g THEN '{"temperature": 0.2}'::jsonb END, jsonb_build_array('in', n), to_jsonb(n),
         CASE WHEN g THEN n ELSE 0 END, CASE WHEN g THEN n * 2 ELSE 0 END, CASE WHEN g THEN n * 3 ELSE 0 END, CASE WHEN g THEN 'TOKENS' END,
         CASE WHEN g THEN n * 0.0000025 END, CASE WHEN g THEN n * 2 * 0.00001 END, CASE WHEN g THEN n * 0.0000025 + n * 2 * 0.00001 END,
         CASE WHEN g AND n % 2 = 0 THEN 'prompt-1' END, ${times('n * 3')}
    FROM ${series(counts.observations)}, LATERAL (SELECT 1 + (n - 1) % ${counts.traces} AS t, n % 3 = 2 AS g) AS derived`

const scoresAndJobs = `
INSERT INTO scores (id, timestamp, project_id, name, value, source, author_user_id, comment, trace_id, observation_id, config_id, string_value, created_at, updated_at, data_type)
  SELECT 'score-' || n, ${at('n * 10')}, ${project('n')}, 'helpfulness', (n % 10) / 10.0, (ARRAY['API', 'EVAL', 'ANNOTATION'])[1 + n % 3]::"ScoreSource",
         CASE WHEN n % 3 = 2 THEN 'user-1' END, CASE WHEN n % 4 = 0 THEN 'Don''t know; "maybe"' END, 'trace-' || n,
         CASE WHEN n % 2 = 0 THEN 'observation-' || n END, 'score-config-' || (1 + n % ${counts.projects}), NULL, ${times('n * 10')}, 'NUMERIC'
    FROM ${series(counts.scores)};
INSERT INTO eval_templates (id, created_at, updated_at, project_id, name, version, prompt, model, provider, model_params, vars, output_schema)
  SELECT 'eval-template-' || n, ${times('n')}, 'project-' || n, 'helpful?', 1, 'Is {{output}} helpful?', 'seeded-model', 'openai', '{}',
         ARRAY['output'], '{"score": "0..1", "reasoning": "why"}' FROM ${series(counts.projects)};
INSERT INTO job_configurations (id, created_at, updated_at, project_id, job_type, status, eval_template_id, score_name, filter, target_object, variable_mapping, sampling, delay)
  SELECT 'evaluator-' || n, ${times('n')}, 'project-' || n, 'EVAL', 'ACTIVE', 'eval-template-' || n, 'helpfulness', '[]', 'trace', '[]', 0.5, 10000
    FROM ${series(counts.projects)};
INSERT INTO job_executions (id, created_at, updated_at, project_id, job_configuration_id, status, start_time, end_time, error, job_input_trace_id, job_output_score_id)
  SELECT 'job-' || n, ${times('n * 10')}, ${project('n')}, 'evaluator-' || (1 + n % ${counts.projects}),
         (CASE WHEN n % 5 = 0 THEN 'ERROR' ELSE 'COMPLETED' END)::"JobExecutionStatus", ${times('n * 10')},
         CASE WHEN n % 5 = 0 THEN 'API key for provider "openai" not found' END, 'trace-' || n, CASE WHEN n % 5 <> 0 THEN 'score-' || n END
    FROM ${series(counts.jobs)}`

const datasets = `
INSERT INTO datasets (id, project_id, name, created_at, updated_at) VALUES ('dataset-1', 'project-1', 'golden', ${times('0')});
INSERT INTO dataset_items (id, project_id, status, input, expected_output, source_trace_id, dataset_id, created_at, updated_at)
  SELECT 'item-' || n, 'project-1', (CASE WHEN n % 6 = 0 THEN 'ARCHIVED' ELSE 'ACTIVE' END)::"DatasetStatus", to_jsonb(n), to_jsonb(n * 2),
         'trace-' || n * 3, 'dataset-1', ${times('n')} FROM ${series(20)};
INSERT INTO dataset_runs (id, project_id, name, dataset_id, created_at, updated_at)
  SELECT 'run-' || n, 'project-1', 'run ' || n, 'dataset-1', ${times('n')} FROM ${series(2)};
INSERT INTO dataset_run_items (id, project_id, dataset_run_id, dataset_item_id, trace_id, created_at, updated_at)
  SELECT 'run-item-' || n, 'project-1', 'run-' || (1 + n % 2), 'item-' || (1 + n % 20), 'trace-' || n, ${times('n')} FROM ${series(40)}`

const rest = `
INSERT INTO comments (id, project_id, object_type, object_id, created_at, updated_at, content, author_user_id)
  SELECT 'comment-' || n, ${project('n')}, 'TRACE', 'trace-' || n, ${times('n')}, 'Look at "this"; it''s ' || n, 'user-' || (1 + n % ${counts.users}) FROM ${series(12)};
INSERT INTO audit_logs (id, created_at, updated_at, user_id, org_id, user_org_role, project_id, resource_type, resource_id, action, after)
  SELECT 'audit-' || n, ${times('n')}, 'user-1', 'org-1', 'OWNER', ${project('n')}, 'prompt', 'prompt-' || n, 'create', '{"version":' || n || '}' FROM ${series(6)};
INSERT INTO llm_api_keys (id, created_at, updated_at, provider, adapter, display_secret_key, secret_key, project_id)
  SELECT 'llm-key-' || n, ${times('n')}, 'openai', 'openai', '...' || n, 'sealed', 'project-' || n FROM ${series(counts.projects)}`
