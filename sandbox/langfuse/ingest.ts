import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import type { ClickHouseClient } from './clickhouse-http.ts'

export type Ingested = {
  readonly projectId: string
  readonly deletedProjectId: string
  readonly traceIds: readonly string[]
  readonly scoreIds: readonly string[]
  readonly jobExecutionIds: readonly string[]
}

/**
 * Writes what a running v3 leaves behind, so that a rollback meets it: traces, observations and scores that are in
 * ClickHouse only, evaluations (`job_executions`) that point to such scores, traces in Postgres whose session has no
 * row, and a project that waits for its deletion. The rows break both foreign keys that v3.0.0 dropped.
 */
export async function ingest(stores: {
  readonly pool: Pool
  readonly clickhouse: ClickHouseClient
  readonly count: number
}): Promise<Ingested> {
  const { pool, clickhouse, count } = stores
  const run = randomUUID().slice(0, 8)
  const projectId = await projectOf(pool)
  const configurationId = await configurationOf(pool, projectId)
  const ids = (kind: string) => Array.from({ length: count }, (_, index) => `v3-${kind}-${run}-${index + 1}`)
  const traceIds = ids('trace')
  const scoreIds = ids('score')
  const jobExecutionIds = ids('job')
  await writeClickHouse(clickhouse, { projectId, traceIds, scoreIds })
  await pool.query(
    `INSERT INTO traces (id, name, project_id, session_id)
     SELECT id, 'from v3', $2, 'session-of-' || id FROM unnest($1::text[]) AS given (id)`,
    [traceIds, projectId],
  )
  await pool.query(
    `INSERT INTO job_executions (id, project_id, job_configuration_id, status, job_input_trace_id, job_output_score_id)
     SELECT job, $4, $5, 'COMPLETED', trace, score FROM unnest($1::text[], $2::text[], $3::text[]) AS given (job, trace, score)`,
    [jobExecutionIds, traceIds, scoreIds, projectId, configurationId],
  )
  const deletedProjectId = `v3-deleted-${run}`
  await pool.query(
    `INSERT INTO projects (id, org_id, name, deleted_at)
     SELECT $1, org_id, 'Waits for its "deletion"', now() AT TIME ZONE 'UTC' FROM projects WHERE id = $2`,
    [deletedProjectId, projectId],
  )
  return { projectId, deletedProjectId, traceIds, scoreIds, jobExecutionIds }
}

async function writeClickHouse(
  clickhouse: ClickHouseClient,
  given: { projectId: string; traceIds: readonly string[]; scoreIds: readonly string[] },
): Promise<void> {
  const project_id = given.projectId
  const now = new Date().toISOString().replace('T', ' ').replace('Z', '')
  const common = { project_id, event_ts: now, is_deleted: 0, created_at: now, updated_at: now }
  const insert = (table: string, rows: readonly object[]) =>
    clickhouse.execute(
      `INSERT INTO ${table} FORMAT JSONEachRow`,
      rows.map(row => JSON.stringify(row)).join('\n'),
    )
  await insert(
    'traces',
    given.traceIds.map(id => ({
      ...common,
      id,
      timestamp: now,
      name: 'from v3',
      session_id: `session-of-${id}`,
    })),
  )
  await insert(
    'observations',
    given.traceIds.map(id => ({
      ...common,
      id: `${id}-root`,
      trace_id: id,
      type: 'SPAN',
      start_time: now,
      name: 'root',
    })),
  )
  await insert(
    'scores',
    given.scoreIds.map((id, index) => ({
      ...common,
      ...{ id, timestamp: now, trace_id: given.traceIds[index], name: 'helpfulness', value: 1 },
      ...{ source: 'EVAL', data_type: 'NUMERIC' },
    })),
  )
}

async function projectOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM projects ORDER BY created_at, id LIMIT 1')
  if (rows[0] !== undefined) return rows[0].id
  await pool.query(`INSERT INTO organizations (id, name) VALUES ('v3-organization', 'Organization')`)
  await pool.query(
    `INSERT INTO projects (id, org_id, name) VALUES ('v3-project', 'v3-organization', 'Project')`,
  )
  return 'v3-project'
}

async function configurationOf(pool: Pool, projectId: string): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM job_configurations WHERE project_id = $1 ORDER BY created_at, id LIMIT 1',
    [projectId],
  )
  if (rows[0] !== undefined) return rows[0].id
  await pool.query(
    `INSERT INTO job_configurations (id, project_id, job_type, score_name, filter, target_object, variable_mapping, sampling, delay)
     VALUES ('v3-evaluator', $1, 'EVAL', 'helpfulness', '[]', 'trace', '[]', 1, 0)`,
    [projectId],
  )
  return 'v3-evaluator'
}
