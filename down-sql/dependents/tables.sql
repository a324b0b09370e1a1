-- Tables: owners, partitions, row security, and what goes along with one that moves into the archive.
SELECT 'refused', NULL, CASE WHEN count(*) = 1 THEN format('%s %s', min(o.kind), min(o.title))
    ELSE format('%s tables and types (%s first)', count(*), min(o.title)) END,
  CASE WHEN count(*) = 1 THEN format('belongs to role %I, so role %I cannot change it', pg_get_userbyid(o.owner), current_user)
    ELSE format('belong to role %I, so role %I cannot change them', pg_get_userbyid(o.owner), current_user) END,
  CASE WHEN count(*) = 1 THEN format('ALTER %s %s OWNER TO %I', upper(min(o.kind)), min(o.title), current_user)
    ELSE format('GRANT %I TO %I', pg_get_userbyid(o.owner), current_user) END, NULL
FROM (
  SELECT 'table' AS kind, c.oid::regclass::text AS title, c.relowner AS owner
  FROM (SELECT oid FROM relation UNION SELECT relation FROM changing) AS r JOIN pg_class AS c ON c.oid = r.oid
  UNION
  SELECT 'type', t.oid::regtype::text, t.typowner FROM touch AS x
  JOIN pg_type AS t ON t.typname = x.name::name AND t.typnamespace = to_regnamespace('public') AND t.typtype = 'e'
  WHERE x.call IN ('rebuild_enum', 'drop_enum', 'rename_enum')
) AS o
WHERE NOT pg_has_role(o.owner, 'USAGE') GROUP BY o.owner
UNION
-- The toolbox reads with row_security = off: a policy that would hide rows from the archive is an error.
SELECT 'refused', NULL, format('table %s', r.title), format('has row security that also holds for role %I', current_user),
  format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', r.title), NULL
FROM relation AS r
WHERE r.call IN ('drop_table', 'drop_column', 'archive_column', 'archive_rows', 'delete_rows', 'rewrite_rows', 'insert_rows',
    'set_not_null')
  AND pg_has_role(r.relowner, 'USAGE') AND row_security_active(r.oid)
UNION
SELECT 'left', NULL, format('policy %I on %s', p.polname, r.title),
  CASE r.call WHEN 'drop_table' THEN 'goes with its table into the archive' ELSE format('does not hold for role %I', current_user) END,
  NULL, NULL
FROM relation AS r JOIN pg_policy AS p ON p.polrelid = r.oid
WHERE NOT row_security_active(r.oid) AND r.call IN ('drop_table', 'delete_rows', 'rewrite_rows')
UNION
SELECT 'refused', NULL, format('partitioned table %s', r.title), CASE
    WHEN r.call = 'create_index' AND r.text ~ 'concurrently' THEN format('cannot get index %I without a lock', r.part)
    WHEN r.call = 'add_constraint' AND r.text ~* '^\s*foreign' THEN format('cannot get foreign key %I without a check of all rows', r.part)
    ELSE format('cannot get the unique key %I', r.part) END,
  NULL, NULL
FROM relation AS r
WHERE r.relkind = 'p' AND (r.call = 'create_index' AND r.text ~ 'concurrently|unique'
  OR r.call = 'add_constraint' AND r.text ~* '^\s*(foreign|primary|unique)')
UNION
SELECT 'refused', NULL, format('partitioned table %s', c.relation::regclass),
  format('has column %s in its partition key, %s', c.title, c.how), NULL, NULL
FROM changing AS c JOIN pg_partitioned_table AS p ON p.partrelid = c.relation
WHERE c.number = ANY (p.partattrs) OR p.partexprs IS NOT NULL
UNION
SELECT 'refused', NULL, format('table %s', r.title),
  format('is a %s of %s, so its columns cannot be changed', CASE WHEN r.relispartition THEN 'partition' ELSE 'child' END,
    h.inhparent::regclass),
  CASE WHEN r.relispartition THEN format('ALTER TABLE %s DETACH PARTITION %s', h.inhparent::regclass, r.title)
    ELSE format('ALTER TABLE %s NO INHERIT %s', r.title, h.inhparent::regclass) END, NULL
FROM relation AS r JOIN pg_inherits AS h ON h.inhrelid = r.oid
WHERE r.call IN ('drop_column', 'rename_column', 'add_column', 'set_not_null', 'drop_not_null', 'drop_constraint')
UNION
SELECT 'refused', NULL, format('table %s', h.inhrelid::regclass),
  format('inherits from %s, so its own rows and columns would be changed too', r.title),
  format('ALTER TABLE %s NO INHERIT %s', h.inhrelid::regclass, r.title), NULL
FROM relation AS r
JOIN pg_inherits AS h ON h.inhparent = r.oid
JOIN pg_class AS c ON c.oid = h.inhrelid AND NOT c.relispartition
WHERE r.call IN ('drop_column', 'archive_column', 'delete_rows', 'rewrite_rows', 'set_not_null', 'rename_column')
UNION
SELECT 'left', NULL, format('%s %s', CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, c.oid::regclass),
  format('follows table %s into the archive', r.title), NULL, NULL
FROM relation AS r
JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid
JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
JOIN pg_class AS c ON c.oid = w.ev_class AND c.relkind IN ('v', 'm')
WHERE r.call = 'drop_table' AND NOT (c.relnamespace = to_regnamespace('public') AND c.relname IN (SELECT name FROM own))
UNION
SELECT 'left', NULL, format('foreign key %I of %s', k.conname, k.conrelid::regclass),
  format('follows table %s into the archive', r.title), NULL, NULL
FROM relation AS r
JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = r.oid AND k.conparentid = 0
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE r.call = 'drop_table' AND NOT (c.relnamespace = to_regnamespace('public') AND c.relname IN (SELECT name FROM own))
UNION
SELECT 'left', NULL, format('trigger %I on %s', t.tgname, r.title), 'goes with its table into the archive', NULL, NULL
FROM relation AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgname !~ '^langfuse_rollout_'
WHERE r.call = 'drop_table'
UNION
SELECT 'taken', format('column public.%s.%s', c.relname, a.attname), format('column %s.%I', r.title, a.attname),
  'goes with its table into the archive; the next upgrade makes the table without it', NULL, NULL
FROM relation AS r
JOIN pg_class AS c ON c.oid = r.oid
JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.call = 'drop_table'
UNION
-- The archive of a rollback is published too, where all tables are.
SELECT 'left', NULL, format('publication %I', p.pubname),
  'publishes all tables, so it also sends the archive''s tables in schema langfuse_rollout to its subscribers', NULL, NULL
FROM pg_publication AS p WHERE p.puballtables AND EXISTS (SELECT FROM touch)
UNION
SELECT CASE WHEN m.prrelid IS NULL THEN 'left' ELSE 'taken' END, NULL, format('publication %I', p.pubname),
  CASE WHEN m.prrelid IS NULL THEN format('publishes a schema, which table %s leaves for the archive', r.title)
    ELSE format('keeps table %s under its name in the archive, unless the table is empty and dropped', r.title) END,
  NULL, NULL
FROM relation AS r
JOIN pg_class AS c ON c.oid = r.oid
JOIN pg_publication_tables AS t ON t.schemaname = 'public' AND t.tablename = c.relname
JOIN pg_publication AS p ON p.pubname = t.pubname AND NOT p.puballtables
LEFT JOIN pg_publication_rel AS m ON m.prpubid = p.oid AND m.prrelid = r.oid
WHERE r.call = 'drop_table'
