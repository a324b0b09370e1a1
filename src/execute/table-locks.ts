import type { PostgresSession } from '../ports/databases.ts'

/**
 * Locks all tables of a phase before its first statement. Locks taken statement by statement can deadlock with a query
 * of the web that reads the tables in another order, and PostgreSQL would then cancel the web's query. Here each wait is
 * shorter than `deadlock_timeout`. A table that is not found here is locked by its statement.
 * @param sections the SQL of the phase
 */
export async function lockTables(session: PostgresSession, sections: readonly string[]): Promise<void> {
  const mentions = sections.flatMap(mentionsOf)
  if (mentions.length === 0) return
  const rows = await session.run(TABLES, [
    mentions.map(({ call }) => call),
    mentions.map(({ name }) => name),
    mentions.map(({ part }) => part),
  ])
  if (rows.length === 0) return
  const locks = rows.map(({ name, is_whole: isWhole }) => {
    return `LOCK TABLE ${name} IN ${isWhole === true ? 'ACCESS EXCLUSIVE' : 'SHARE ROW EXCLUSIVE'} MODE;`
  })
  // In a separate block, PostgreSQL's error names the table that it could not lock.
  await session.run(`DO $locks$\nBEGIN\n${locks.join('\n')}\nEND $locks$`)
}

/** A toolbox call or a statement, its object, and the part of that object. */
type Mention = { readonly call: string; readonly name: string; readonly part: string }

/** The tables, indexes and types that a section changes. Row changes need no table lock. */
export function mentionsOf(section: string): readonly Mention[] {
  const sql = section.replaceAll(/^\s*--.*$/gm, '')
  const calls = [...sql.matchAll(CALL)].flatMap(({ groups = {} }) => {
    const { call = '', name = '', part = '', definition = '' } = groups
    // Adding a foreign key blocks writers but not readers.
    const isKey = call === 'add_constraint' && /^\s*FOREIGN KEY\b/i.test(definition)
    return call in LOCKING
      ? [{ call: isKey ? 'refer' : call, name: unescaped(name), part: unescaped(part) }]
      : []
  })
  const statements = [...sql.matchAll(STATEMENT)].map(({ groups = {} }) => ({
    call: groups['alter'] === undefined ? 'refer' : 'alter',
    name: unquoted(groups['alter'] ?? groups['on'] ?? groups['to'] ?? ''),
    part: '',
  }))
  return [...calls, ...statements]
}

/** Calls that change a table's definition. */
const LOCKING: Readonly<Record<string, true>> = {
  drop_table: true,
  drop_column: true,
  drop_constraint: true,
  drop_index: true,
  add_column: true,
  add_constraint: true,
  set_not_null: true,
  drop_not_null: true,
  set_default: true,
  rename_table: true,
  rename_column: true,
  rename_constraint: true,
  rename_index: true,
  rebuild_enum: true,
}

const TEXT = `(?:[^']|'')+`
const CALL = new RegExp(
  [
    String.raw`langfuse_rollout\.(?<call>\w+)\(\s*'(?<name>${TEXT})'`,
    String.raw`(?:\s*,\s*'(?<part>${TEXT})')?(?:\s*,\s*'(?<definition>${TEXT})')?`,
  ].join(''),
  'g',
)
const NAME = String.raw`(?:public\.)?(?:"[^"]+"|\w+)`
const STATEMENT = new RegExp(
  [
    String.raw`\bALTER\s+TABLE\s+(?:ONLY\s+)?(?<alter>${NAME})`,
    String.raw`\b(?:INDEX|TRIGGER)\b[^;]*?\bON\s+(?<on>${NAME})`,
    String.raw`\bREFERENCES\s+(?<to>${NAME})`,
  ].join('|'),
  'gi',
)

function unquoted(name: string): string {
  return name.replace(/^public\./i, '').replaceAll('"', '')
}

function unescaped(text: string): string {
  return text.replaceAll("''", "'")
}

/** Dropping a table, column or key drops its foreign keys, which locks the tables that they reference. */
const TABLES = `
WITH mention AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS m (call, name, part)
), relation AS (
  SELECT c.oid, m.call, m.part FROM mention AS m
  JOIN pg_class AS c ON c.relname = m.name::name AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  WHERE m.call NOT IN ('drop_index', 'rename_index', 'rebuild_enum')
), locked AS (
  SELECT oid, call <> 'refer' AS is_whole FROM relation
  UNION ALL
  SELECT i.indrelid, true FROM mention AS m
  JOIN pg_class AS c ON c.relname = m.name::name AND c.relnamespace = 'public'::regnamespace
  JOIN pg_index AS i ON i.indexrelid = c.oid
  WHERE m.call IN ('drop_index', 'rename_index')
  UNION ALL
  SELECT a.attrelid, true FROM mention AS m
  JOIN pg_type AS t ON t.typname = m.name::name AND t.typnamespace = 'public'::regnamespace
  JOIN pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
  WHERE m.call = 'rebuild_enum'
  UNION ALL
  SELECT k.confrelid, true FROM relation AS r
  JOIN pg_constraint AS k ON k.conrelid = r.oid AND k.contype = 'f'
  WHERE r.call = 'drop_table' OR r.call = 'drop_constraint' AND k.conname = r.part::name
    OR r.call = 'drop_column' AND EXISTS (
      SELECT FROM pg_attribute AS a
      WHERE a.attrelid = r.oid AND a.attname = r.part::name AND a.attnum = ANY (k.conkey))
)
SELECT format('%I.%I', 'public', c.relname) AS name, bool_or(locked.is_whole) AS is_whole
FROM locked JOIN pg_class AS c ON c.oid = locked.oid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND pg_has_role(c.relowner, 'USAGE')
GROUP BY c.oid ORDER BY 1`
