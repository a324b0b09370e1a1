type Row = Readonly<Record<string, unknown>>

/** One of the 2024 copies out of Postgres: `select` takes the newest created_at to copy and the batch size. */
export type Copy = {
  readonly table: 'traces' | 'observations' | 'scores'
  readonly select: string
  readonly convert: (row: Row) => Row
}

/** By the name of the script that `background_migrations` carries. */
export const copies: Readonly<Record<string, Copy>> = {
  migrateTracesFromPostgresToClickhouse: {
    table: 'traces',
    select: select('traces', {
      times: ['timestamp', 'created_at', 'updated_at'],
      columns: [
        ...[
          'id',
          'name',
          'user_id',
          'metadata',
          'release',
          'version',
          'project_id',
          'public',
          'bookmarked',
          'tags',
        ],
        ...['input', 'output', 'session_id'],
      ],
    }),
    convert: row => ({ ...plain(row), event_ts: row.timestamp, is_deleted: 0 }),
  },
  migrateObservationsFromPostgresToClickhouse: {
    table: 'observations',
    select: select('observations', {
      times: ['start_time', 'end_time', 'completion_start_time', 'created_at', 'updated_at'],
      columns: [
        ...['id', 'trace_id', 'project_id', 'type', 'parent_observation_id', 'name', 'metadata', 'level'],
        ...['status_message', 'version', 'input', 'output', 'model', 'internal_model_id', 'modelParameters'],
        ...['prompt_tokens', 'completion_tokens', 'total_tokens', 'prompt_id', 'input_cost', 'output_cost'],
        ...['total_cost', 'calculated_input_cost', 'calculated_output_cost', 'calculated_total_cost'],
      ],
      extra: `(SELECT p.name FROM prompts p WHERE p.id = t.prompt_id) AS prompt_name,
              (SELECT p.version FROM prompts p WHERE p.id = t.prompt_id) AS prompt_version`,
    }),
    convert: observation,
  },
  migrateScoresFromPostgresToClickhouse: {
    table: 'scores',
    select: select('scores', {
      times: ['timestamp', 'created_at', 'updated_at'],
      columns: [
        ...['id', 'project_id', 'trace_id', 'observation_id', 'name', 'value', 'source', 'comment'],
        ...['author_user_id', 'config_id', 'data_type', 'string_value', 'queue_id'],
      ],
    }),
    convert: ({ copied_until: _, ...row }) => ({ ...row, event_ts: row.timestamp, is_deleted: 0 }),
  },
}

// Times leave Postgres as the text that ClickHouse's DateTime64(3) takes: both are UTC without saying so.
function select(
  table: string,
  { times, columns, extra }: { times: readonly string[]; columns: readonly string[]; extra?: string },
): string {
  const selected = [
    ...columns.map(name => `t."${name}"`),
    ...times.map(name => `to_char(t."${name}", 'YYYY-MM-DD HH24:MI:SS.MS') AS "${name}"`),
    `to_char(t.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS copied_until`,
    ...(extra === undefined ? [] : [extra]),
  ]
  return `SELECT ${selected.join(', ')} FROM ${table} t
           WHERE t.created_at <= $1::timestamptz AT TIME ZONE 'UTC' ORDER BY t.created_at DESC LIMIT $2`
}

/** What traces and observations share: input and output as JSON text, metadata as a map of strings. */
function plain({ copied_until: _, ...row }: Row): Row {
  return {
    ...row,
    metadata: metadataMap(row.metadata),
    input: jsonText(row.input),
    output: jsonText(row.output),
  }
}

function observation(row: Row): Row {
  const { model, modelParameters, prompt_tokens, completion_tokens, total_tokens, ...described } = plain(row)
  const { input_cost, output_cost, total_cost, ...costed } = described
  const { calculated_input_cost, calculated_output_cost, calculated_total_cost, ...kept } = costed
  return {
    ...kept,
    provided_model_name: model,
    model_parameters: jsonText(modelParameters),
    provided_usage_details: {},
    usage_details: present({ input: prompt_tokens, output: completion_tokens, total: total_tokens }),
    provided_cost_details: present({ input: input_cost, output: output_cost, total: total_cost }),
    cost_details: present({
      input: calculated_input_cost,
      output: calculated_output_cost,
      total: calculated_total_cost,
    }),
    total_cost: calculated_total_cost,
    event_ts: row.start_time,
    is_deleted: 0,
  }
}

function present(details: Row): Row {
  return Object.fromEntries(
    Object.entries(details).filter(([, value]) => value !== null && value !== undefined),
  )
}

function jsonText(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value)
}

function metadataMap(metadata: unknown): Record<string, string> {
  if (metadata === null || metadata === undefined) return {}
  if (typeof metadata !== 'object' || Array.isArray(metadata)) return { metadata: text(metadata) }
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, text(value)]))
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
