-- What has the type of an enum that gets other labels or is dropped.
-- A function keeps the older type. What rebuild_enum makes again could then no longer call it.
SELECT CASE WHEN used.by IS NULL THEN 'left' ELSE 'refused' END, NULL, format('function %s', f.oid::regprocedure),
  CASE WHEN used.by IS NULL THEN format('keeps the present type %s, which moves to schema langfuse_rollout', t.title)
    ELSE format('has an argument or result of type %s, and %s calls it', t.title, used.by) END,
  format('DROP ROUTINE %s', f.oid::regprocedure), NULL
FROM retype AS t
JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
JOIN pg_proc AS f ON f.oid = d.objid
JOIN pg_namespace AS n ON n.oid = f.pronamespace AND n.nspname <> 'langfuse_rollout'
LEFT JOIN LATERAL (
  SELECT CASE u.classid WHEN 'pg_constraint'::regclass THEN
      format('constraint %I', (SELECT conname FROM pg_constraint WHERE oid = u.objid))
    WHEN 'pg_attrdef'::regclass THEN 'a default'
    WHEN 'pg_trigger'::regclass THEN 'a trigger'
    ELSE format('index %s', u.objid::regclass) END AS by
  FROM pg_depend AS u
  WHERE u.refclassid = 'pg_proc'::regclass AND u.refobjid = f.oid
    AND (u.classid IN ('pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass)
      OR u.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_index AS i WHERE i.indexrelid = u.objid))
  LIMIT 1
) AS used ON true
UNION
SELECT 'left', NULL, format('domain %s', o.oid::regtype),
  format('keeps the present type %s, which moves to schema langfuse_rollout', t.title), NULL, NULL
FROM retype AS t JOIN pg_type AS o ON o.typtype = 'd' AND o.typbasetype IN (t.oid, t.typarray)
UNION
SELECT 'left', NULL, format('%s %s', CASE c.relkind WHEN 'c' THEN 'type' ELSE 'foreign table' END, c.oid::regclass),
  format('keeps the present type %s, which moves to schema langfuse_rollout', t.title), NULL, NULL
FROM retype AS t
JOIN pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('c', 'f')
UNION
SELECT 'left', NULL, format('column %s.%I', a.attrelid::regclass, a.attname),
  format('keeps the type %s, which moves to schema langfuse_rollout', t.oid::regtype), NULL, NULL
FROM touch AS x
JOIN pg_type AS t ON t.typname = x.name::name AND t.typnamespace = to_regnamespace('public') AND t.typtype = 'e'
JOIN pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
WHERE x.call = 'drop_enum' AND NOT (c.relnamespace = to_regnamespace('public') AND c.relname IN (SELECT name FROM own))
  AND c.relnamespace IS DISTINCT FROM to_regnamespace('langfuse_rollout')
UNION
-- Tables of the owner whose column gets the new type.
SELECT 'taken', format('column public.%s.%s', c.relname, a.attname), format('column %s', k.title),
  format('gets the rebuilt type; its %sindexes and checks are made again', CASE WHEN d.oid IS NOT NULL THEN 'default, ' END),
  NULL, NULL
FROM changing AS k
JOIN pg_class AS c ON c.oid = k.relation
JOIN pg_attribute AS a ON a.attrelid = k.relation AND a.attnum = k.number
LEFT JOIN pg_attrdef AS d ON d.adrelid = k.relation AND d.adnum = k.number
WHERE NOT k.is_dropped
UNION
-- rebuild_enum makes indexes and checks of an enum again.
SELECT 'taken', format('index public.%s.%s', c.relname, x.relname), format('index %s', x.oid::regclass),
  format('uses column %s, %s', h.title, h.how), NULL, NULL
FROM hanging AS h
JOIN pg_class AS x ON h.classid = 'pg_class'::regclass AND x.oid = h.objid AND x.relkind IN ('i', 'I')
JOIN pg_class AS c ON c.oid = h.relation
WHERE NOT h.is_dropped
UNION
SELECT 'taken', format('constraint public.%s.%s', c.relname, k.conname), format('constraint %I of %s', k.conname, k.conrelid::regclass),
  format('uses column %s, %s', h.title, h.how), NULL, NULL
FROM hanging AS h
JOIN pg_constraint AS k ON h.classid = 'pg_constraint'::regclass AND k.oid = h.objid AND k.contype IN ('c', 'x', 'f')
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE NOT h.is_dropped
