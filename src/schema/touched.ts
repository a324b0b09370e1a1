import { piecesOf } from './sql-text.ts'

/** What one statement of down SQL does to one object of schema `public`, as data for the query of dependents. */
export type Touch = {
  readonly migration: string
  /** A call of the toolbox, or `create_table`, `create_view`, `create_type`, `create_index`. */
  readonly call: string
  /** The table, index, type or view, unquoted. */
  readonly name: string
  /** The column, constraint, index or new name, or the assignments of changed rows. */
  readonly part?: string
  /** The condition of changed rows, the definition of a constraint, or the options of an index. */
  readonly text?: string
  /** The labels that an enum keeps. */
  readonly labels?: readonly string[]
}

/**
 * The objects that some files touch, newest migration first. A type that one file renames has its present name in the
 * touches of older files.
 * @param files the SQL of all phases of each migration
 */
export function touchedBy(
  files: readonly { readonly migration: string; readonly sql: string }[],
): readonly Touch[] {
  const renamed = new Map<string, string>()
  return files.flatMap(({ migration, sql }) =>
    touchesOf(sql).map(touch => {
      if (touch.call === 'rename_enum' && touch.part !== undefined) renamed.set(touch.part, touch.name)
      const isType = touch.call.endsWith('_enum')
      return { migration, ...touch, name: (isType && renamed.get(touch.name)) || touch.name }
    }),
  )
}

/** Calls that give an object a name. */
export const GIVES_A_NAME = /^(create_\w+|add_column|rename_\w+)$/

type Found = Omit<Touch, 'migration'>

/** Strings and quoted names become numbered marks, so that patterns meet code only. */
function touchesOf(sql: string): readonly Found[] {
  const quoted: string[] = []
  const code = piecesOf(sql, 'postgres')
    .map(({ kind, text }) => {
      if (kind === 'comment') return ' '
      return kind === 'code' ? text : `⟦${quoted.push(text) - 1}⟧`
    })
    .join('')
  const nameOf = (text = ''): string => {
    const mark = markIn(text, quoted)
    return mark === undefined ? text.trim().toLowerCase() : unquoted(mark)
  }
  const calls = [...code.matchAll(CALL)].flatMap(({ groups = {} }): Found[] => {
    const found = callOf(groups['call'] ?? '', argumentsOf(groups['list'] ?? ''), quoted)
    return found === undefined ? [] : [found]
  })
  const statements = STATEMENTS.flatMap(([call, pattern]) =>
    [...code.matchAll(pattern)].map(({ groups = {} }): Found => {
      const { name, part, text } = groups
      return {
        call,
        name: nameOf(name),
        ...(part !== undefined && { part: nameOf(part) }),
        ...(text !== undefined && { text: text.trim().toLowerCase() }),
      }
    }),
  )
  const bodies = quoted.flatMap(text => {
    const body = /^\$(?:down|function|trigger)?\$([\s\S]*)\$\w*\$$/.exec(text)?.[1]
    return body === undefined ? [] : touchesOf(body)
  })
  return [...calls, ...statements, ...bodies]
}

const CALL = /langfuse_rollout\.(?<call>\w+)\s*\((?<list>[^()]*(?:\((?:[^()]|\([^()]*\))*\)[^()]*)*)\)/g
const NAME = String.raw`(?:public\.)?(?<name>\w+|⟦\d+⟧)`
const PART = String.raw`(?<part>\w+|⟦\d+⟧)`

/** Statements that name a table in a string are calls; the others are these. */
const STATEMENTS: readonly (readonly [call: string, pattern: RegExp])[] = (
  [
    ['create_table', String.raw`\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?${NAME}`],
    ['create_view', String.raw`\bCREATE\s+(?:OR\s+REPLACE\s+)?VIEW\s+${NAME}`],
    ['create_type', String.raw`\bCREATE\s+(?:TYPE|DOMAIN)\s+${NAME}`],
    [
      'create_index',
      String.raw`\bCREATE\s+(?<text>(?:UNIQUE\s+)?INDEX(?:\s+CONCURRENTLY)?)\s+(?:IF\s+NOT\s+EXISTS\s+)?${PART}\s+ON\s+${NAME}`,
    ],
    ['drop_column', String.raw`\bALTER\s+TABLE\s+${NAME}\s+DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?${PART}`],
    [
      'add_constraint',
      String.raw`\bALTER\s+TABLE\s+${NAME}\s+ADD\s+CONSTRAINT\s+${PART}\s+(?<text>PRIMARY\s+KEY|UNIQUE|FOREIGN\s+KEY)`,
    ],
    ['rewrite_rows', String.raw`\bUPDATE\s+${NAME}\s+SET\b`],
    ['delete_rows', String.raw`\bDELETE\s+FROM\s+${NAME}`],
    ['insert_rows', String.raw`\bINSERT\s+INTO\s+${NAME}`],
  ] as const
).map(([call, pattern]) => [call, new RegExp(pattern, 'gi')] as const)

/** What the arguments after the object's name are; calls that are not here touch nothing that has dependents. */
const ARGUMENTS: Readonly<Record<string, readonly ('part' | 'text' | 'labels')[]>> = {
  drop_table: [],
  drop_column: ['part'],
  archive_column: ['part'],
  archive_rows: ['text'],
  delete_rows: ['text'],
  rewrite_rows: ['part', 'text'],
  insert_rows: [],
  give_back_rows: [],
  give_back_column: [],
  drop_enum: [],
  rename_enum: ['part'],
  rebuild_enum: ['labels'],
  drop_view: [],
  drop_index: [],
  rename_index: ['part'],
  drop_constraint: ['part'],
  rename_constraint: ['part'],
  add_constraint: ['part', 'text'],
  add_column: ['part'],
  rename_table: ['part'],
  rename_column: ['part'],
  set_not_null: ['part', 'text'],
  drop_not_null: ['part'],
  set_default: ['part'],
}

const SAME_AS: Readonly<Record<string, string>> = {
  give_back_rows: 'insert_rows',
  give_back_column: 'rewrite_rows',
}

function callOf(call: string, list: readonly string[], quoted: readonly string[]): Found | undefined {
  const kinds = call in ARGUMENTS ? ARGUMENTS[call] : undefined
  const name = markIn(list[0] ?? '', quoted)
  if (kinds === undefined || name === undefined) return undefined
  const rest = kinds.flatMap((kind, position): (readonly [string, string | readonly string[]])[] => {
    const argument = list[position + 1] ?? ''
    if (kind === 'labels') return [['labels', marksIn(argument, quoted).map(unquoted)]]
    const mark = markIn(argument, quoted)
    return mark === undefined ? [] : [[kind, unquoted(mark)]]
  })
  return { call: SAME_AS[call] ?? call, name: unquoted(name), ...Object.fromEntries(rest) }
}

/** Splits at commas outside of brackets. */
function argumentsOf(list: string): readonly string[] {
  const found: string[] = ['']
  let depth = 0
  for (const character of list) {
    if ('(['.includes(character)) depth += 1
    if (')]'.includes(character)) depth -= 1
    if (character === ',' && depth === 0) found.push('')
    else found[found.length - 1] += character
  }
  return found
}

function marksIn(text: string, quoted: readonly string[]): readonly string[] {
  return [...text.matchAll(/⟦(\d+)⟧/g)].flatMap(([, at]) => quoted[Number(at)] ?? [])
}

/** The text that a mark stands for, if it is all there is. */
function markIn(text: string, quoted: readonly string[]): string | undefined {
  return /^\s*⟦\d+⟧\s*$/.test(text) ? marksIn(text, quoted)[0] : undefined
}

/** A string or name without its quotes. */
function unquoted(quoted: string): string {
  const dollar = /^\$\w*\$([\s\S]*)\$\w*\$$/.exec(quoted)?.[1]
  if (dollar !== undefined) return dollar.trim()
  const [quote = ''] = quoted.slice(-1)
  const inner = quoted.replace(/^[eE]?['"]/, '').slice(0, -1)
  return inner.replaceAll(quote + quote, quote)
}
