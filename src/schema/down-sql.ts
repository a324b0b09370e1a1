import { keepsOf } from './keep-calls.ts'
import { type Engine, piecesOf, splitStatements, withoutComments } from './sql-text.ts'

export type { Engine } from './sql-text.ts'

/** What the undo of a migration loses: nothing, what the header names, or more than SQL can restore. */
export type DownClass = 'schema' | 'lossy' | 'restore'

export type DownSql = {
  /** Name of the Postgres migration, or the ClickHouse version in four digits. */
  readonly migration: string
  readonly class: DownClass
  /** One line for people. */
  readonly loses: string
  /** Counts of rows to archive, map or change, run before any change. */
  readonly counts: readonly Count[]
  /** What the newer release itself has written and the older one does not show; none of it: nothing is lost. */
  readonly written?: Count | undefined
  /** Names of the background migrations that make the data which this undo archives. */
  readonly filledBy?: readonly string[]
  readonly sections: DownSections
}

/** A SELECT of one number, and what it counts. */
type Count = { readonly what: string; readonly sql: string }

/** The SQL of each phase, or an empty string. */
export type DownSections = {
  /** Run by a deploy before the migration: keeps what the migration deletes. */
  readonly keep: string
  /** Adds what the older release needs; afterwards both releases work. */
  readonly expand: string
  /** Archives large data and repairs rows before contract takes its locks; may run again. */
  readonly prepare: string
  /** Drops what only the newer release needs; the older images are running by then. */
  readonly contract: string
  /** Runs after contract, statement by statement: scans of all rows that must not hold a lock. */
  readonly validate: string
}

/**
 * Reads a down SQL file. It must be complete: header, phases in order, and the last line `-- end`.
 * @throws Error in one sentence for a file that is malformed, truncated, or of another migration.
 */
export function parseDownSql(options: {
  readonly engine: Engine
  /** The migration the file is for, from its name. */
  readonly migration: string
  readonly text: string
}): DownSql {
  const { engine, migration, text } = options
  const refuse = (reason: string): Error => new Error(`Cannot use the down SQL of ${migration}: ${reason}.`)
  const lines = text.split('\n').map(line => line.trimEnd())
  const end = lines.findLastIndex(line => line !== '')
  if (lines[end] !== '-- end') throw refuse('its last line is not `-- end`, so the file may be truncated')
  const { header, phases } = partsOf(lines.slice(0, end), refuse)
  const undoes = headerValue('undoes', header, refuse)
  if (undoes !== migration) throw refuse(`its header names ${undoes}`)
  const down = {
    migration,
    class: classOf(header, refuse),
    loses: headerValue('loses', header, refuse),
    counts: countsOf('count', header, engine, refuse),
    written: writtenOf(header, engine, refuse),
    filledBy: valuesOf('filled-by', header),
  }
  if (phases.length === 0) throw refuse('it has no phase')
  for (const [phase, sql] of phases) {
    if (!phasesOf[engine].includes(phase)) throw refuse(`ClickHouse has no phase ${phase}`)
    if (splitStatements(sql, engine).length === 0) throw refuse(`its phase ${phase} is empty`)
    const found = openEnd(engine, sql) ?? forbiddenIn(engine, phase, sql) ?? oddKeep(engine, phase, sql)
    if (found !== undefined) throw refuse(`its phase ${phase} contains ${found}`)
  }
  return { ...down, sections: { ...NO_SECTIONS, ...Object.fromEntries(phases) } }
}

/** The index that a statement of `validate` creates concurrently. */
export function concurrentIndex(statement: string): { index: string; table: string } | undefined {
  const { index, table } = indexPattern.exec(withoutComments(statement, 'postgres'))?.groups ?? {}
  return index && table ? { index: unquoted(index), table: unquoted(table) } : undefined
}

export const NO_SECTIONS: DownSections = { keep: '', expand: '', prepare: '', contract: '', validate: '' }

type Refuse = (reason: string) => Error
type Phase = keyof DownSections

const phasesOf: Readonly<Record<Engine, readonly Phase[]>> = {
  postgres: ['keep', 'expand', 'prepare', 'contract', 'validate'],
  clickhouse: ['keep', 'expand', 'contract'],
}
const phaseOrder = phasesOf.postgres

function partsOf(
  lines: readonly string[],
  refuse: Refuse,
): { header: readonly string[]; phases: readonly (readonly [Phase, string])[] } {
  const starts = lines.flatMap((line, index) => (/^-- phase\b/.test(line) ? [index] : []))
  const header = lines.slice(0, starts[0] ?? lines.length)
  if (header.some(line => line !== '' && !line.startsWith('--')))
    throw refuse('it contains SQL before its first phase')
  const odd = header.find(
    line => /^--\s*(undoes|class|loses|counts?|written|filled-by)\s*:/i.test(line) && !headerLine.test(line),
  )
  if (odd !== undefined) throw refuse(`\`${odd}\` is not a header line`)
  const phases = starts.map((start, index) => {
    const phase = phaseOrder.find(name => lines[start] === `-- phase: ${name}`)
    if (phase === undefined) throw refuse(`\`${lines[start]}\` names no phase`)
    return [
      phase,
      lines
        .slice(start + 1, starts[index + 1] ?? lines.length)
        .join('\n')
        .trim(),
    ] as const
  })
  const order = phases.map(([phase]) => phaseOrder.indexOf(phase))
  if (order.some((position, index) => position <= (order[index - 1] ?? -1))) {
    throw refuse(`its phases do not follow the order ${phaseOrder.join(', ')}`)
  }
  return { header, phases }
}

const headerLine = /^-- (undoes|class|loses|count|written|filled-by): \S/

function headerValue(name: string, header: readonly string[], refuse: Refuse): string {
  const values = valuesOf(name, header)
  if (values.length !== 1 || !values[0])
    throw refuse(`its header does not have exactly one line \`-- ${name}: …\``)
  return values[0]
}

function valuesOf(name: string, header: readonly string[]): readonly string[] {
  const start = `-- ${name}: `
  return header.flatMap(line => (line.startsWith(start) ? [line.slice(start.length).trim()] : []))
}

function classOf(header: readonly string[], refuse: Refuse): DownClass {
  const value = headerValue('class', header, refuse)
  const known = (['schema', 'lossy', 'restore'] as const).find(name => name === value)
  if (known === undefined) throw refuse(`its class is ${value} instead of schema, lossy or restore`)
  return known
}

/**
 * A count runs in a read-only transaction of a database that may have no archive yet.
 * `-- count: projects with a mark: SELECT count(*) FROM public.projects WHERE …`
 */
function countsOf(
  name: 'count' | 'written',
  header: readonly string[],
  engine: Engine,
  refuse: Refuse,
): readonly Count[] {
  return header.flatMap(line => {
    if (!line.startsWith(`-- ${name}: `)) return []
    const { what, sql } = /^-- \w+: (?<what>.+?): (?<sql>SELECT\s.+?);?$/i.exec(line)?.groups ?? {}
    if (what === undefined || sql === undefined) {
      throw refuse(`\`${line}\` is not \`-- ${name}: <what>: SELECT …\``)
    }
    const code = codeOf(sql, engine)
    const odd =
      openEnd(engine, sql) ??
      /;|--|\/\*|\b(INTO|FOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE)|langfuse_rollout)\b/i.exec(code)?.[0]
    if (odd !== undefined || piecesOf(sql, engine).some(piece => piece.kind === 'comment')) {
      throw refuse(`its count of ${what} contains ${odd ?? 'a comment'}`)
    }
    return [{ what, sql }]
  })
}

function writtenOf(header: readonly string[], engine: Engine, refuse: Refuse): Count | undefined {
  const [written, more] = countsOf('written', header, engine, refuse)
  if (more !== undefined) throw refuse('its header has more than one line `-- written: …`')
  return written
}

function oddKeep(engine: Engine, phase: Phase, sql: string): string | undefined {
  if (phase !== 'keep') return undefined
  try {
    keepsOf(sql, engine)
    return undefined
  } catch {
    return 'something other than calls that keep'
  }
}

/** The executor owns transactions and the migrations' tables; CASCADE and TRUNCATE would remove unknown objects and rows. */
const forbidden: Readonly<Record<Engine, readonly RegExp[]>> = {
  postgres: [
    /^(BEGIN|START|COMMIT|ROLLBACK|END|ABORT|SAVEPOINT)\b.*/i,
    /\b_prisma_migrations\b/i,
    /(?<!\bON\s+(DELETE|UPDATE)\s+)\bCASCADE\b/i,
    /\bTRUNCATE\b/i,
  ],
  // These need a cluster, or renameat2, which EFS does not have.
  clickhouse: [
    /\bON\s+CLUSTER\b/i,
    /\bEXCHANGE\s+(TABLES|DICTIONARIES)\b/i,
    /\bCREATE\s+OR\s+REPLACE\b/i,
    /\bschema_migrations\b/i,
  ],
}

const indexPattern =
  /^CREATE\s+INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(?<index>"(?:[^"]|"")+"|\w+)\s+ON\s+public\.(?<table>"(?:[^"]|"")+"|\w+)/i

function forbiddenIn(engine: Engine, phase: Phase, sql: string): string | undefined {
  const statements = splitStatements(sql, engine)
  const found = statements.flatMap(statement => {
    const code = codeOf(statement, engine)
    return forbidden[engine].flatMap(pattern => pattern.exec(code)?.[0] ?? [])
  })
  return found[0] ?? (engine === 'postgres' ? concurrentlyIn(phase, statements) : undefined)
}

/** An interrupted build leaves an invalid index, which IF NOT EXISTS would accept. */
function concurrentlyIn(phase: Phase, statements: readonly string[]): string | undefined {
  for (const [position, statement] of statements.entries()) {
    if (!/\bCONCURRENTLY\b/i.test(codeOf(statement, 'postgres'))) continue
    const made = phase === 'validate' ? concurrentIndex(statement) : undefined
    if (made === undefined) return 'CONCURRENTLY'
    const before = statements.slice(0, position).some(earlier => drops(earlier, made.index))
    if (!before) return `the index ${made.index} without drop_invalid_index before it`
  }
  return undefined
}

function drops(statement: string, index: string): boolean {
  const name = `'${index.replaceAll("'", "''")}'`
  return (
    withoutComments(statement, 'postgres').replace(/\s+/g, ' ') ===
    `SELECT langfuse_rollout.drop_invalid_index(${name})`
  )
}

/** The code of a statement with its dollar-quoted bodies, without strings, names and comments. */
function codeOf(statement: string, engine: Engine): string {
  return piecesOf(statement, engine)
    .map(piece => {
      if (piece.kind === 'code') return piece.text
      const body = engine === 'postgres' && piece.kind === 'quoted' ? dollarBody(piece.text) : undefined
      return body === undefined ? ' ' : ` ${codeOf(body, engine)} `
    })
    .join('')
    .trim()
}

function dollarBody(text: string): string | undefined {
  return /^\$\w*\$([\s\S]*)\$\w*\$$/.exec(text)?.[1]
}

/** A string, a quoted name or a comment that does not end. */
function openEnd(engine: Engine, sql: string): string | undefined {
  const last = piecesOf(sql, engine).at(-1)?.text ?? ''
  const start = /^(?:\/\*|\$\w*\$|[eE]?'|["`])/.exec(last)?.[0]
  if (start === undefined) return undefined
  if (start === '/*') return last.length > 3 && last.endsWith('*/') ? undefined : `${start} that does not end`
  if (start.startsWith('$')) return dollarBody(last) === undefined ? `${start} that does not end` : undefined
  const escapes = engine === 'clickhouse' || /^e/i.test(start)
  const plain = escapes ? last.replaceAll(/\\[\s\S]/g, '') : last
  const isClosed = plain.split(start.slice(-1)).length % 2 === 1 // each quote has its partner
  return isClosed ? undefined : `${start} that does not end`
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase()
}
