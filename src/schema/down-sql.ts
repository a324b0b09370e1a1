import { type Engine, piecesOf, splitStatements } from './sql-text.ts'

export type { Engine } from './sql-text.ts'

/** What undoing a migration costs: nothing, what the header says, or more than SQL can give back. */
export type DownClass = 'schema' | 'lossy' | 'restore'

export type DownSql = {
  /** Name of the Postgres migration, or the ClickHouse version in four digits. */
  readonly migration: string
  readonly class: DownClass
  /** One line for people. */
  readonly loses: string
  /** Empty where the file has no such phase. */
  readonly sections: {
    /** What the older release needs; afterwards both releases work. */
    readonly expand: string
    /** Drops what only the newer release has; the images are the older release's by now. */
    readonly contract: string
    /** After contract was committed, statement by statement: what must not hold a lock while it looks at every row. */
    readonly validate: string
  }
}

/**
 * Reads a down SQL file. Nothing of a file is run that is not whole: its header, its phases in order and its last
 * line (`-- end`) are all required.
 * @throws Error in one sentence for a file that is malformed, cut off, or of another migration.
 */
export function parseDownSql(options: {
  readonly engine: Engine
  /** The migration the file is for, from its name. */
  readonly migration: string
  readonly text: string
}): DownSql {
  const { engine, migration, text } = options
  const refuse = (reason: string): Error =>
    new Error(`The down SQL of ${migration} is not usable: ${reason}.`)
  const lines = text.split('\n').map(line => line.trimEnd())
  const end = lines.findLastIndex(line => line !== '')
  if (lines[end] !== '-- end') throw refuse('its last line is not `-- end`, so it may be cut off')
  const { header, phases } = partsOf(lines.slice(0, end), refuse)
  const down = { migration, class: classOf(header, refuse), loses: headerValue('loses', header, refuse) }
  const undoes = headerValue('undoes', header, refuse)
  if (undoes !== migration) throw refuse(`it undoes ${undoes}`)
  const sections = { expand: '', contract: '', validate: '', ...Object.fromEntries(phases) }
  if (phases.length === 0) throw refuse('it has no phase')
  for (const [phase, sql] of phases) {
    if (sql === '') throw refuse(`its phase ${phase} is empty`)
    const found = forbiddenIn(engine, sql)
    if (found !== undefined) throw refuse(`its phase ${phase} contains ${found}`)
  }
  return { ...down, sections }
}

/** The statements of a section that are run one by one: all of ClickHouse, and `validate` of Postgres. */
export function statementsOfSection(section: string, engine: Engine): string[] {
  return splitStatements(section, engine)
}

type Refuse = (reason: string) => Error
type Phase = 'expand' | 'contract' | 'validate'

const phaseOrder: readonly Phase[] = ['expand', 'contract', 'validate']

function partsOf(
  lines: readonly string[],
  refuse: Refuse,
): { header: readonly string[]; phases: readonly (readonly [Phase, string])[] } {
  const starts = lines.flatMap((line, index) => (/^-- phase\b/.test(line) ? [index] : []))
  const header = lines.slice(0, starts[0] ?? lines.length)
  if (header.some(line => line !== '' && !line.startsWith('--')))
    throw refuse('it has SQL before its first phase')
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
  if (order.some((place, index) => place <= (order[index - 1] ?? -1))) {
    throw refuse(`its phases are not each once in the order ${phaseOrder.join(', ')}`)
  }
  return { header, phases }
}

function headerValue(name: string, header: readonly string[], refuse: Refuse): string {
  const values = header.flatMap(line =>
    line.startsWith(`-- ${name}: `) ? [line.slice(name.length + 5).trim()] : [],
  )
  if (values.length !== 1 || !values[0]) throw refuse(`its header has not one line \`-- ${name}: …\``)
  return values[0]
}

function classOf(header: readonly string[], refuse: Refuse): DownClass {
  const value = headerValue('class', header, refuse)
  const known = (['schema', 'lossy', 'restore'] as const).find(name => name === value)
  if (known === undefined) throw refuse(`its class is ${value} instead of schema, lossy or restore`)
  return known
}

/** Transactions and the migrations' own tables are the executor's; without a cluster, ClickHouse cannot do some things. */
const forbidden: Readonly<Record<Engine, readonly RegExp[]>> = {
  postgres: [/^(BEGIN|START|COMMIT|ROLLBACK|END|ABORT)\b.*/i, /\bCONCURRENTLY\b/i, /\b_prisma_migrations\b/i],
  clickhouse: [
    /\bON\s+CLUSTER\b/i,
    /\bEXCHANGE\s+(TABLES|DICTIONARIES)\b/i,
    /\bCREATE\s+OR\s+REPLACE\b/i,
    /\bschema_migrations\b/i,
  ],
}

function forbiddenIn(engine: Engine, sql: string): string | undefined {
  const statements = splitStatements(sql, engine).map(statement =>
    piecesOf(statement, engine)
      .map(piece => (piece.kind === 'code' ? piece.text : ' '))
      .join('')
      .trim(),
  )
  return statements.flatMap(code => forbidden[engine].flatMap(pattern => pattern.exec(code)?.[0] ?? []))[0]
}
