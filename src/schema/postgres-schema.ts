import { quoteLiteral } from './quote.ts'
import { type Facts, type Kind, keyOf, type Query, type Snapshot, toSnapshot } from './snapshot.ts'

/**
 * Reads the schema of a Postgres database, without Prisma's own table, this project's archive (schema
 * `langfuse_rollout`), PostgreSQL's own schemas and objects of extensions.
 * Definitions are PostgreSQL's own text with qualified names, so equal texts mean equal objects.
 * @param query runs on one connection, whose search path is set and reset
 */
export async function readPostgresSnapshot(query: Query): Promise<Snapshot> {
  return toSnapshot((await readPostgresObjects(query)).map(objectOf))
}

/** Kind, names, facts, and an id that a rename does not change (oid, or oid.attnum). */
export async function readPostgresObjects(query: Query): Promise<readonly Record<string, unknown>[]> {
  const [before] = await query(`SELECT current_setting('search_path') AS path`)
  await query(`SELECT set_config('search_path', '', false)`)
  const rows = await query(objectsSql) // a failure in a transaction needs no reset
  await query(`SELECT set_config('search_path', ${quoteLiteral(String(before?.['path'] ?? ''))}, false)`)
  return rows
}

/** One query, for a consistent view of the catalog. */
const objectsSql = `
WITH space AS (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'langfuse_rollout')
), relation AS (
  SELECT c.oid, c.relname, c.relkind, c.relpersistence, s.nspname
  FROM pg_class c JOIN space s ON s.oid = c.relnamespace
  WHERE c.relname <> '_prisma_migrations'
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'table' AS kind, ARRAY[nspname, relname]::text[] AS names, oid::text AS id,
  jsonb_strip_nulls(jsonb_build_object(
    'kind', CASE relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' END,
    'persistence', CASE relpersistence WHEN 'u' THEN 'unlogged' END)) AS facts
FROM relation WHERE relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'column', ARRAY[r.nspname, r.relname, a.attname], r.oid || '.' || a.attnum,
  jsonb_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'notNull', a.attnotnull,
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END)
  || jsonb_strip_nulls(jsonb_build_object(
    'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END))
FROM relation r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'constraint', ARRAY[r.nspname, r.relname, c.conname], c.oid::text,
  jsonb_build_object('definition', pg_get_constraintdef(c.oid))
FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid
WHERE c.contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL
SELECT 'index', ARRAY[r.nspname, t.relname, r.relname], r.oid::text,
  jsonb_build_object('definition', pg_get_indexdef(r.oid))
  || jsonb_strip_nulls(jsonb_build_object('invalid', CASE WHEN NOT i.indisvalid THEN true END))
FROM relation r JOIN pg_index i ON i.indexrelid = r.oid JOIN relation t ON t.oid = i.indrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = r.oid AND c.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'enum', ARRAY[s.nspname, t.typname], t.oid::text,
  jsonb_build_object('labels',
    (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_type t JOIN space s ON s.oid = t.typnamespace
WHERE t.typtype = 'e' AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
UNION ALL
SELECT 'view', ARRAY[nspname, relname], oid::text,
  jsonb_build_object('definition', pg_get_viewdef(oid))
  || jsonb_strip_nulls(jsonb_build_object('materialized', CASE WHEN relkind = 'm' THEN true END))
FROM relation WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'function', ARRAY[s.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'], p.oid::text,
  jsonb_build_object('definition', pg_get_functiondef(p.oid))
FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p', 'w') AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'trigger', ARRAY[r.nspname, r.relname, t.tgname], t.oid::text,
  jsonb_build_object('definition', pg_get_triggerdef(t.oid))
FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'sequence', ARRAY[r.nspname, r.relname], r.oid::text,
  jsonb_build_object(
    'type', format_type(q.seqtypid, NULL), 'start', q.seqstart::text, 'increment', q.seqincrement::text,
    'minimum', q.seqmin::text, 'maximum', q.seqmax::text, 'cycle', q.seqcycle, 'ownedBy',
    (SELECT o.nspname || '.' || o.relname || '.' || a.attname
     FROM pg_depend d JOIN relation o ON o.oid = d.refobjid
     JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'a'))
FROM relation r JOIN pg_sequence q ON q.seqrelid = r.oid
WHERE NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'i')`

/** A row of {@link readPostgresObjects} as an object of a snapshot. */
export function objectOf(row: Readonly<Record<string, unknown>>): readonly [key: string, facts: Facts] {
  const { kind, names, facts } = row as { kind: Kind; names: string[]; facts: Facts }
  return [keyOf({ kind, names }), facts]
}
