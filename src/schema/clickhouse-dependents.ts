import { type ClickHouseStatement, wordsOf } from './clickhouse-statement.ts'
import { quoteClickHouseLiteral as literal, quoteClickHouseIdentifier as quote } from './quote.ts'
import type { Query } from './snapshot.ts'
import { codeOnly, piecesOf } from './sql-text.ts'

/** What down SQL for ClickHouse touches. */
export type Touched = {
  /** Tables that move into the archive. */
  readonly gone: readonly string[]
  /** Dropped columns of tables that stay. */
  readonly columns: readonly Column[]
  /** Langfuse's own tables, views and indexes, of every release, and names that the files themselves drop. */
  readonly own: readonly string[]
}

type Column = { readonly table: string; readonly column: string }

/** An object, what it has to do with the rollback, and the statement that clears the way. */
export type Found = {
  readonly verdict: 'left' | 'refused'
  readonly object: string
  readonly clause: string
  readonly remedy?: string
}

/** @param own names of Langfuse's tables, views and indexes */
export function touchedIn(statements: readonly ClickHouseStatement[], own: readonly string[]): Touched {
  const gone = statements.flatMap(statement => (statement.kind === 'drop-table' ? [statement.table] : []))
  const columns = statements.flatMap(statement =>
    statement.kind === 'drop-columns' && !gone.includes(statement.table)
      ? statement.columns.map(column => ({ table: statement.table, column }))
      : [],
  )
  const texts = statements.map(statement => (statement.kind === 'sql' ? statement.sql : '')).join(' ')
  return { gone, columns, own: [...new Set([...own, ...wordsOf(texts)])] }
}

/**
 * What would make the rollback fail part-way, because ClickHouse has no transactions, or break afterwards: an insert that
 * feeds a materialized view, or the owner's own queries. Reads system tables only.
 */
export async function findClickHouseDependents(query: Query, touched: Touched): Promise<readonly Found[]> {
  const present = await presentOf(query, touched)
  const tables = [...new Set([...present.gone, ...present.columns.map(({ table }) => table)])]
  if (tables.length === 0) return []
  const rows = await query(
    `SELECT name, engine, engine_full, create_table_query FROM system.tables
     WHERE database = currentDatabase() AND name IN (${tables.map(literal).join(', ')}) ORDER BY name`,
  )
  return [
    ...(await databaseOf(query, present)),
    ...rows.flatMap(row => replicated(row)),
    ...(await viewsOn(query, present)),
    ...(await readersOf(query, present)),
    ...(await indexesOn(query, present)),
    ...(await expressionsOn(query, present)),
    ...rows.flatMap(row => definitionsIn(row, present)),
    ...(await mutationsOf(query, tables)),
  ]
}

type Row = Readonly<Record<string, unknown>>

/** A table or column that is not there has no dependents: a deploy asks before its migrations. */
async function presentOf(query: Query, touched: Touched): Promise<Touched> {
  const all = [...new Set([...touched.gone, ...touched.columns.map(({ table }) => table)])]
  if (all.length === 0) return touched
  const rows = await query(
    `SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN (${all.map(literal).join(', ')})`,
  )
  const tables = new Set(rows.map(row => String(row['table'])))
  const columns = new Set(rows.map(row => `${row['table']}.${row['name']}`))
  return {
    ...touched,
    gone: touched.gone.filter(table => tables.has(table)),
    columns: touched.columns.filter(({ table, column }) => columns.has(`${table}.${column}`)),
  }
}

async function databaseOf(query: Query, { gone }: Touched): Promise<readonly Found[]> {
  if (gone.length === 0) return []
  const [row] = await query('SELECT name, engine FROM system.databases WHERE name = currentDatabase()')
  if (row?.['engine'] === 'Atomic') return []
  const clause = `has engine ${row?.['engine']}, and only tables of an Atomic database can move into the archive`
  return [{ verdict: 'refused', object: `ClickHouse database ${row?.['name']}`, clause }]
}

function replicated(row: Row): readonly Found[] {
  if (!/^(Replicated|Shared)/.test(String(row['engine']))) return []
  const clause = `has engine ${row['engine']}, and down SQL would change only the server that it reaches`
  return [{ verdict: 'refused', object: `table ${row['name']}`, clause }]
}

type View = {
  readonly title: string
  readonly name: string
  readonly isMaterialized: boolean
  readonly select: string
  readonly reads: ReadonlySet<string>
  readonly source: string | undefined
  readonly feeds: string | undefined
}

/** Views of all databases that read or feed the touched tables, also through plain views. */
async function viewsOn(query: Query, touched: Touched): Promise<readonly Found[]> {
  const rows = await query(
    `SELECT database, name, engine, as_select, create_table_query, currentDatabase() AS here FROM system.tables
     WHERE engine IN ('View', 'MaterializedView') AND database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema', 'langfuse_rollout')
     ORDER BY database, name`,
  )
  const own = new Set(touched.own)
  const views = rows.flatMap(row =>
    row['database'] === row['here'] && own.has(String(row['name'])) ? [] : viewOf(row),
  )
  const found = new Map<string, Found>()
  for (const view of views) {
    const clause = whyAffected(view, touched)
    if (clause !== undefined) found.set(view.title, foundView(view, clause))
  }
  // A view on an affected plain view, until there are no more.
  for (let size = -1; size !== found.size; ) {
    size = found.size
    for (const view of views) {
      const through = views.find(
        other =>
          !other.isMaterialized && other !== view && found.has(other.title) && view.reads.has(other.name),
      )
      if (through !== undefined && !found.has(view.title))
        found.set(view.title, foundView(view, `reads view ${through.title}, which does`))
    }
  }
  return [...found.values()]
}

function foundView({ title, isMaterialized }: View, clause: string): Found {
  const object = `${isMaterialized ? 'materialized view' : 'view'} ${title}`
  return { verdict: 'refused', object, clause, remedy: `DROP VIEW ${title}` }
}

function viewOf(row: Row): readonly View[] {
  const [here, select] = [String(row['here']), String(row['as_select'])]
  const reads = wordsOf(select.replaceAll(alias, ' '))
  const database = String(row['database'])
  if (!reads.has(here) && database !== here) return []
  const isMaterialized = row['engine'] === 'MaterializedView'
  return [
    {
      title: `${quote(database)}.${quote(String(row['name']))}`.replaceAll(/`(\w+)`/g, '$1'),
      name: String(row['name']),
      isMaterialized,
      select,
      reads,
      source: [...wordsOf(FROM.exec(select)?.groups?.['table'] ?? '')][0],
      feeds: isMaterialized ? feedsOf(String(row['create_table_query']), here) : undefined,
    },
  ]
}

/** The first table of a select is what feeds a materialized view, in a subquery too. */
const FROM = /\bFROM\s+(?:(?:`(?:[^`\\]|\\.)+`|\w+)\.)?(?<table>`(?:[^`\\]|\\.)+`|\w+)/i

function whyAffected(view: View, { gone, columns }: Touched): string | undefined {
  const { reads, select, source, feeds, isMaterialized } = view
  const all = /(?:\bSELECT|\bDISTINCT|,|\.)\s*\*/i.test(codeOnly(select, 'clickhouse'))
  const read = columns.find(
    ({ table, column }) => reads.has(table) && (all || reads.has(column) || matchesPattern(select, column)),
  )
  if (read !== undefined) return `reads ${read.table}.${read.column}, which the rollback drops`
  if (feeds !== undefined && gone.includes(feeds) && !reads.has(feeds))
    return `writes into ${feeds}, which moves into the archive`
  // A materialized view that a moved table feeds gets no more rows, and nothing fails.
  const lost = gone.find(table => reads.has(table) && !(isMaterialized && table === source))
  return lost === undefined ? undefined : `reads ${lost}, which moves into the archive`
}

/** `COLUMNS('regular expression')`: an expression that JavaScript does not read may match. */
function matchesPattern(select: string, column: string): boolean {
  return [...select.matchAll(/\bCOLUMNS\s*\(\s*'((?:[^'\\]|\\.)*)'/gi)].some(([, pattern = '']) => {
    try {
      return new RegExp(pattern.replaceAll('\\\\', '\\')).test(column)
    } catch {
      return true
    }
  })
}

const alias = /\bAS\s+(?:\w+|`(?:[^`\\]|\\.)*`)/g

/** The table of the database that a materialized view writes into. */
function feedsOf(create: string, database: string): string | undefined {
  const target = /\sTO\s+(?<database>`(?:[^`\\]|\\.)+`|\w+)\.(?<table>`(?:[^`\\]|\\.)+`|\w+)\s/.exec(
    create,
  )?.groups
  const unquoted = (name = ''): string => [...wordsOf(name)][0] ?? ''
  return unquoted(target?.['database']) === database ? unquoted(target?.['table']) : undefined
}

/** Dictionaries, buffers and distributed tables name the table that they read in a string. */
async function readersOf(query: Query, { gone }: Touched): Promise<readonly Found[]> {
  if (gone.length === 0) return []
  const rows = await query(
    `SELECT database, name, engine, create_table_query, currentDatabase() AS here FROM system.tables
     WHERE engine IN ('Dictionary', 'Buffer', 'Distributed') AND database NOT IN ('system', 'langfuse_rollout') ORDER BY name`,
  )
  return rows.flatMap(({ database, name, engine, create_table_query: create, here }) => {
    const texts = piecesOf(String(create), 'clickhouse').flatMap(({ kind, text }) =>
      kind === 'quoted' ? text.slice(1, -1) : [],
    )
    const table = gone.find(each =>
      texts.some(text => text === each || new RegExp(`\\bFROM\\s+(\\w+\\.)?${each}\\b`, 'i').test(text)),
    )
    // A dictionary that names no database reads its own.
    const isHere = texts.includes(String(here)) || (engine === 'Dictionary' && database === here)
    if (table === undefined || !isHere) return []
    const kind = engine === 'Dictionary' ? 'dictionary' : 'table'
    const title = `${quote(String(database))}.${quote(String(name))}`
    const clause = `reads ${table}, which moves into the archive`
    return [
      {
        verdict: 'refused' as const,
        object: `${kind} ${database}.${name}`,
        clause,
        remedy: `DROP ${kind.toUpperCase()} ${title}`,
      },
    ]
  })
}

async function indexesOn(query: Query, { columns, own }: Touched): Promise<readonly Found[]> {
  const rows = await query(
    'SELECT table, name, expr FROM system.data_skipping_indices WHERE database = currentDatabase()',
  )
  return rows.flatMap(({ table, name, expr }) => {
    const used = usedIn(String(table), String(expr), columns)
    if (used === undefined || own.includes(String(name))) return []
    const remedy = `ALTER TABLE ${quote(String(table))} DROP INDEX ${quote(String(name))}`
    return [refused(`index ${name} on ${table}`, used, remedy)]
  })
}

function usedIn(table: string, expression: string, columns: readonly Column[]): Column | undefined {
  const words = wordsOf(expression)
  return columns.find(going => going.table === table && words.has(going.column))
}

function refused(object: string, { table, column }: Column, remedy: string): Found {
  return { verdict: 'refused', object, clause: `uses ${table}.${column}, which the rollback drops`, remedy }
}

/** DEFAULT, MATERIALIZED and ALIAS columns. */
async function expressionsOn(query: Query, { columns }: Touched): Promise<readonly Found[]> {
  const rows = await query(
    `SELECT table, name, default_kind, default_expression FROM system.columns
     WHERE database = currentDatabase() AND default_expression != ''`,
  )
  return rows.flatMap(({ table, name, default_kind: kind, default_expression: expression }) => {
    const isGoing = columns.some(going => going.table === table && going.column === name)
    const used = isGoing ? undefined : usedIn(String(table), String(expression), columns)
    if (used === undefined) return []
    const remedy = `ALTER TABLE ${quote(String(table))} DROP COLUMN ${quote(String(name))}`
    return [refused(`${kind} column ${table}.${name}`, used, remedy)]
  })
}

/** Projections, checks and TTLs, which only the definition has in every version. */
function definitionsIn(row: Row, { gone, columns }: Touched): readonly Found[] {
  const table = String(row['name'])
  const alter = `ALTER TABLE ${quote(table)}`
  const parts = partsOf(String(row['create_table_query']))
  return [
    ...parts.flatMap(part => {
      const [, kind = '', name = ''] = /^(PROJECTION|CONSTRAINT)\s+(`(?:[^`\\]|\\.)+`|\w+)/.exec(part) ?? []
      const used = kind === '' ? undefined : usedIn(table, part.slice(kind.length + 1 + name.length), columns)
      return used === undefined
        ? []
        : [refused(`${kind.toLowerCase()} ${name} of ${table}`, used, `${alter} DROP ${kind} ${name}`)]
    }),
    ...parts.flatMap(part => {
      const [, name = ''] = /^(`(?:[^`\\]|\\.)+`|\w+)\s/.exec(part) ?? []
      const [, ttl] = /\bTTL\b([\s\S]*)$/.exec(part) ?? []
      if (ttl === undefined || /^(PROJECTION|CONSTRAINT|INDEX)$/.test(name)) return []
      const remedy = `${alter} MODIFY COLUMN ${name} REMOVE TTL`
      const used = usedIn(table, ttl, columns)
      const object = `the TTL of column ${table}.${[...wordsOf(name)].join()}`
      if (used !== undefined) return [refused(object, used, remedy)]
      const clause = 'would delete values of the archive'
      return gone.includes(table) ? [{ verdict: 'refused' as const, object, clause, remedy }] : []
    }),
    ...[/\bTTL\b([\s\S]*?)(?:\bSETTINGS\b|$)/.exec(String(row['engine_full']))?.[1]].flatMap(ttl => {
      const used = ttl === undefined ? undefined : usedIn(table, ttl, columns)
      return used === undefined ? [] : [refused(`the TTL of ${table}`, used, `${alter} REMOVE TTL`)]
    }),
  ]
}

/** The entries of a table's list of columns. */
function partsOf(create: string): readonly string[] {
  const parts = ['']
  let depth = 0
  for (const { kind, text } of piecesOf(create, 'clickhouse')) {
    for (const character of kind === 'code' ? text : [text]) {
      if (character === '(') depth += 1
      if (character === ')') depth -= 1
      if (depth === 0 && character === ')') return parts.map(part => part.replace(/^\(/, '').trim())
      if (depth === 1 && character === ',') parts.push('')
      else if (depth > 0) parts[parts.length - 1] += character
    }
  }
  return []
}

/** An ALTER waits for the mutations before it: for one that fails again and again, for ever. */
async function mutationsOf(query: Query, tables: readonly string[]): Promise<readonly Found[]> {
  const rows = await query(
    `SELECT database, table, mutation_id, latest_fail_reason FROM system.mutations
     WHERE database = currentDatabase() AND table IN (${tables.map(literal).join(', ')}) AND is_done = 0 ORDER BY table, mutation_id`,
  )
  return rows.map(({ database, table, mutation_id: id, latest_fail_reason: reason }) => {
    const object = `mutation ${id} of ${table}`
    if (String(reason) === '')
      return { verdict: 'left', object, clause: 'is running, and the rollback waits for it' }
    const clause = 'fails again and again, and the rollback would wait for it'
    const where = `database = ${literal(String(database))} AND table = ${literal(String(table))} AND mutation_id = ${literal(String(id))}`
    return { verdict: 'refused', object, clause, remedy: `KILL MUTATION WHERE ${where}` }
  })
}
