-- The touched objects that exist, and what PostgreSQL says hangs on them.
WITH RECURSIVE touch AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS t (call text, name text, part text, text text, labels jsonb)
), own AS (
  SELECT value::name AS name FROM jsonb_array_elements_text($2::jsonb)
), relation AS (
  SELECT c.oid, c.oid::regclass::text AS title, c.relkind, c.relowner, c.relispartition, c.reltoastrelid,
    t.call, t.part::name AS part, t.text
  FROM touch AS t
  JOIN pg_class AS c ON c.relname = t.name::name AND c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p')
  WHERE t.call !~ '_enum$|_view$|^create_t|^drop_index$|^rename_index$'
), retype AS (
  -- Enums that get other labels; going: those that no release after the rollback has.
  SELECT t.oid, t.typarray, t.oid::regtype::text AS title, array_agg(DISTINCT l.enumlabel::text)
    FILTER (WHERE NOT x.labels ? l.enumlabel) AS going
  FROM touch AS x
  JOIN pg_type AS t ON t.typname = x.name::name AND t.typnamespace = to_regnamespace('public') AND t.typtype = 'e'
  JOIN pg_enum AS l ON l.enumtypid = t.oid
  WHERE x.call = 'rebuild_enum' AND x.labels IS DISTINCT FROM
    (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid)
  GROUP BY t.oid
), changing AS (
  -- Columns that are dropped or get another type.
  SELECT DISTINCT r.oid AS relation, a.attnum AS number, format('%s.%I', r.title, a.attname) AS title, true AS is_dropped,
    'which the rollback drops' AS how, '{}'::text[] AS going, NULL::oid AS type
  FROM relation AS r
  JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname = r.part AND a.attnum > 0 AND NOT a.attisdropped
  WHERE r.call = 'drop_column'
  UNION ALL
  SELECT a.attrelid, a.attnum, format('%s.%I', a.attrelid::regclass, a.attname), false,
    format('whose type %s the rollback rebuilds', t.title), coalesce(t.going, '{}'), t.oid
  FROM retype AS t
  JOIN pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped AND a.attinhcount = 0
  JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
  JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname <> 'langfuse_rollout' AND n.nspname !~ '^pg_temp'
), hanging AS (
  SELECT DISTINCT d.classid, d.objid, d.objsubid, d.deptype, c.*
  FROM changing AS c
  JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.relation AND d.refobjsubid = c.number
), reading (view, depth, title, is_dropped, how, going, type) AS (
  SELECT r.ev_class, 1, h.title, h.is_dropped, h.how, h.going, h.type
  FROM hanging AS h JOIN pg_rewrite AS r ON h.classid = 'pg_rewrite'::regclass AND r.oid = h.objid
  UNION
  SELECT r.ev_class, 1, t.title, false, 'a type that the rollback rebuilds', coalesce(t.going, '{}'), t.oid
  FROM retype AS t
  JOIN pg_depend AS d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
  JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  UNION
  SELECT r.ev_class, known.depth + 1, known.title, known.is_dropped, known.how, known.going, known.type
  FROM reading AS known
  JOIN pg_class AS c ON c.oid = known.view AND c.relkind IN ('v', 'm')
  JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = known.view
  JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class <> known.view
), view AS (
  -- Each once, with the worst of what it reads.
  SELECT DISTINCT ON (c.oid) c.oid, c.relowner, c.relnamespace, c.oid::regclass::text AS title,
    CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END AS kind, r.title AS reads, r.is_dropped, r.how, r.going, r.type,
    max(r.depth) OVER (PARTITION BY c.oid) AS depth
  FROM reading AS r JOIN pg_class AS c ON c.oid = r.view AND c.relkind IN ('v', 'm')
  WHERE NOT (c.relnamespace = to_regnamespace('public') AND c.relname IN (SELECT name FROM own))
  ORDER BY c.oid, r.is_dropped DESC, r.depth
), dropped_index AS (
  -- Indexes that go: by themselves, with their constraint, or with a column.
  SELECT c.oid, c.oid::regclass::text AS title FROM touch AS t
  JOIN pg_class AS c ON c.relname = t.name::name AND c.relnamespace = to_regnamespace('public') AND c.relkind IN ('i', 'I')
  WHERE t.call = 'drop_index'
  UNION
  SELECT k.conindid, k.conindid::regclass::text FROM relation AS r
  JOIN pg_constraint AS k ON k.conrelid = r.oid AND k.conname = r.part AND k.contype IN ('p', 'u', 'x')
  WHERE r.call = 'drop_constraint'
  UNION
  SELECT i.indexrelid, i.indexrelid::regclass::text FROM changing AS c
  JOIN pg_index AS i ON i.indrelid = c.relation AND c.number = ANY (i.indkey) WHERE c.is_dropped
)
