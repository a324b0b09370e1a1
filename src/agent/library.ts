import { createHash } from 'node:crypto'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import { StepFailed } from '../execute/execution.ts'
import type { SchemaStep } from '../plan/plan.ts'
import type { Postgres } from '../ports/databases.ts'
import { clickhouseName, type DownSqlFacts } from '../release/facts.ts'
import type { DownSections, DownSql, Engine } from '../schema/down-sql.ts'
import { reading, writing } from '../schema/postgres-session.ts'
import { createTable } from '../schema/rollout-schema.ts'
import { splitStatements, withoutComments } from '../schema/sql-text.ts'
import type { DownSqlFile, DownSqlTexts, KeepJob, Library, LoadJob } from './job.ts'

/** Compresses as much as possible: a task definition has 64 KiB. */
export function compress(text: string): Buffer {
  const bytes = Buffer.from(text)
  return brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  })
}

/** Splits a library into parts that each fit into a task definition; its id is its hash. */
export function partsOf(library: Library, bytes: number): { id: string; parts: readonly KeepJob[] } {
  const whole = compress(JSON.stringify(library))
  const id = hashOf(whole)
  const parts = Array.from({ length: Math.ceil(whole.length / bytes) }, (_, part) => ({
    kind: 'keep' as const,
    id,
    part,
    content: whole.subarray(part * bytes, (part + 1) * bytes).toString('base64'),
  }))
  return { id, parts }
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Stores one part for the agent that undoes. Idempotent. */
export async function keepPart({ id, part, content }: KeepJob, postgres: Postgres): Promise<null> {
  await writing(postgres, async session => {
    await createTable(
      session,
      'agent_texts',
      `id text NOT NULL, part int NOT NULL, content text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
       PRIMARY KEY (id, part)`,
    )
    await session.run(`DELETE FROM langfuse_rollout.agent_texts WHERE at < now() - interval '1 day'`)
    await session.run(
      `INSERT INTO langfuse_rollout.agent_texts (id, part, content) VALUES ($1, $2, $3)
       ON CONFLICT (id, part) DO UPDATE SET content = excluded.content, at = now()`,
      [id, part, content],
    )
  })
  return null
}

/** @throws StepFailed if a part is missing or changed */
export async function readLibrary({ id, parts }: LoadJob, postgres: Postgres): Promise<Library> {
  const rows = await reading(postgres, session =>
    session.run('SELECT content FROM langfuse_rollout.agent_texts WHERE id = $1 ORDER BY part', [id]),
  )
  const whole = Buffer.concat(rows.map(row => Buffer.from(String(row['content']), 'base64')))
  if (rows.length !== parts || hashOf(whole) !== id) {
    throw new StepFailed(
      `The down SQL stored in PostgreSQL is incomplete (${rows.length} of ${parts} parts), so none of it ran: run again.`,
    )
  }
  return JSON.parse(brotliDecompressSync(whole).toString()) as Library
}

/** If this fails, the next agent that stores a part deletes old ones. */
export async function forgetLibrary({ id }: LoadJob, postgres: Postgres): Promise<void> {
  await writing(postgres, session =>
    session.run('DELETE FROM langfuse_rollout.agent_texts WHERE id = $1', [id]),
  )
}

/** The down SQL of some steps, each file once, without comments; of Postgres files only the sections that the phases read. */
export function textsOf(steps: readonly SchemaStep[], facts: DownSqlFacts): DownSqlTexts {
  const needed = new Set(steps.flatMap(step => READ_BY[step.phase]))
  const postgres = [...new Set(steps.flatMap(step => step.postgres))]
  const clickhouse = [...new Set(steps.flatMap(step => step.clickhouse))]
  const files = postgres.flatMap(name => fileOf('postgres', facts.downSql('postgres', name), needed))
  const called = steps.flatMap(({ kind }) => CALLED[kind])
  const sql = [...called, ...files.flatMap(({ file }) => Object.values(file.sections))]
  return {
    toolbox: {
      postgres: toolboxFor(sql, withoutComments(facts.toolbox('postgres'), 'postgres')),
      clickhouse: withoutComments(facts.toolbox('clickhouse'), 'clickhouse'),
    },
    files: [
      ...files,
      ...clickhouse.flatMap(version => fileOf('clickhouse', facts.downSql('clickhouse', version), EVERY)),
    ],
  }
}

/** The functions of the toolbox that the executor itself calls. */
const CALLED: Readonly<Record<SchemaStep['kind'], readonly string[]>> = {
  'keep-data': ['forget_todo_lists(', 'drop_kept(', 'close_keep(', 'reverse_keep('],
  'undo-schema': [
    'forget_todo_lists(',
    'count_archived_tables(',
    'reset_background_migration(',
    'hold_background_migration(',
  ],
}

/** The toolbox with only the functions that this SQL calls, and those that they call. */
function toolboxFor(sql: readonly string[], toolbox: string): string {
  const statements = splitStatements(toolbox, 'postgres')
  const nameOf = (statement: string) =>
    /^CREATE OR REPLACE FUNCTION langfuse_rollout\.(\w+)\(/.exec(statement)?.[1]
  const used = new Set<string>()
  const use = (text: string): void => {
    for (const statement of statements) {
      const name = nameOf(statement)
      if (name === undefined || used.has(name) || !text.includes(`${name}(`)) continue
      used.add(name)
      use(statement)
    }
  }
  for (const text of [...sql, ...statements.filter(statement => nameOf(statement) === undefined)]) use(text)
  return statements
    .filter(statement => used.has(nameOf(statement) ?? '') || nameOf(statement) === undefined)
    .map(statement => `${statement};`)
    .join('\n')
}

type Section = keyof DownSections

const EVERY: ReadonlySet<Section> = new Set(['keep', 'expand', 'prepare', 'contract', 'validate'])
/** Contract runs prepare first; validate skips what an older contract drops. */
const READ_BY: Readonly<Record<SchemaStep['phase'], readonly Section[]>> = {
  drop: [],
  keep: ['keep'],
  close: [],
  reverse: [],
  expand: ['expand'],
  contract: ['prepare', 'contract'],
  validate: ['validate', 'contract'],
}

function fileOf(
  engine: Engine,
  file: DownSql | undefined,
  needed: ReadonlySet<Section>,
): readonly DownSqlFile[] {
  if (file === undefined) return []
  const section = (name: Section) => (needed.has(name) ? withoutComments(file.sections[name], engine) : '')
  const sections = {
    keep: section('keep'),
    expand: section('expand'),
    prepare: section('prepare'),
    contract: section('contract'),
    validate: section('validate'),
  }
  return [{ engine, file: { ...file, counts: [], sections } }]
}

/** The same texts, as the facts that running down SQL needs. */
export function factsOf({ toolbox, files }: DownSqlTexts): DownSqlFacts {
  const nameOf = (migration: string | number) =>
    typeof migration === 'number' ? clickhouseName(migration) : migration
  return {
    toolbox: engine => toolbox[engine],
    downSql: (engine, migration) =>
      files.find(item => item.engine === engine && item.file.migration === nameOf(migration))?.file,
  }
}
