-- Views on columns and types: one on a dropped column stands in the way, and rebuild_enum makes one on an enum again.
SELECT CASE WHEN view.is_dropped OR obstacle.clause IS NOT NULL THEN 'refused' ELSE 'taken' END, NULL,
  format('%s %s', view.kind, view.title),
  coalesce(CASE WHEN NOT view.is_dropped THEN obstacle.clause END,
    format('reads %s%s, %s', view.reads, CASE WHEN view.depth > 1 THEN ' through another view' END, view.how)),
  coalesce(CASE WHEN NOT view.is_dropped THEN obstacle.remedy END, format('DROP %s %s', upper(view.kind), view.title)), NULL
FROM view
LEFT JOIN LATERAL (
  SELECT * FROM (
    SELECT 1 AS place, format('belongs to role %I, and this role cannot make it again', pg_get_userbyid(view.relowner)) AS clause,
      format('ALTER %s %s OWNER TO %I', upper(view.kind), view.title, current_user) AS remedy
    WHERE NOT pg_has_role(view.relowner, 'USAGE')
    UNION ALL
    SELECT 2, format('is in schema %I, where role %I may not create it again', n.nspname, r.name),
      format('GRANT CREATE ON SCHEMA %I TO %I', n.nspname, r.name)
    FROM pg_namespace AS n, (VALUES (current_user), (pg_get_userbyid(view.relowner))) AS r (name)
    WHERE n.oid = view.relnamespace AND NOT has_schema_privilege(r.name, n.oid, 'CREATE')
    UNION ALL
    SELECT 3, format('is part of extension %I, so it cannot be made again', e.extname), format('DROP EXTENSION %I', e.extname)
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = view.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    UNION ALL
    SELECT 4, format('mentions %L, a label that goes with the rollback', label), NULL
    FROM unnest(view.going) AS label
    WHERE concat_ws(' ', pg_get_viewdef(view.oid),
        (SELECT string_agg(pg_get_expr(d.adbin, d.adrelid), ' ') FROM pg_attrdef AS d WHERE d.adrelid = view.oid))
      ~ format('''[^'']*\m%s\M[^'']*''::%s', regexp_replace(label, '\W', '\\\&', 'g'),
        regexp_replace(view.type::regtype::text, '\W', '\\\&', 'g'))
    UNION ALL
    SELECT 5, format('calls %s, which keeps the older type of its argument', f.oid::regprocedure), NULL
    FROM pg_rewrite AS w
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_proc'::regclass
    JOIN pg_proc AS f ON f.oid = d.refobjid
    JOIN pg_depend AS t ON t.classid = 'pg_proc'::regclass AND t.objid = f.oid AND t.refclassid = 'pg_type'::regclass
    JOIN retype ON t.refobjid IN (retype.oid, retype.typarray)
    WHERE w.ev_class = view.oid
  ) AS reason ORDER BY place LIMIT 1
) AS obstacle ON true
UNION
-- A view that is made again must be dropped first: what else hangs on it stands in the way.
SELECT 'refused', NULL, what.object, format('uses view %s, which the rollback must make again', view.title), what.remedy, NULL
FROM view
JOIN pg_type AS t ON t.typrelid = view.oid
JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = view.oid
  OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
JOIN LATERAL (
  SELECT format('function %s', f.oid::regprocedure) AS object, format('DROP ROUTINE %s', f.oid::regprocedure) AS remedy
  FROM pg_proc AS f WHERE d.classid = 'pg_proc'::regclass AND f.oid = d.objid
  UNION ALL
  SELECT format('policy %I on %s', p.polname, p.polrelid::regclass), format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass)
  FROM pg_policy AS p WHERE d.classid = 'pg_policy'::regclass AND p.oid = d.objid
  UNION ALL
  SELECT format('rule %I on %s', w.rulename, w.ev_class::regclass), format('DROP RULE %I ON %s', w.rulename, w.ev_class::regclass)
  FROM pg_rewrite AS w JOIN pg_class AS c ON c.oid = w.ev_class AND c.relkind IN ('r', 'p')
  WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
  UNION ALL
  SELECT format('column %s.%I', a.attrelid::regclass, a.attname), format('ALTER TABLE %s DROP COLUMN %I', a.attrelid::regclass, a.attname)
  FROM pg_attribute AS a
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_type'::regclass AND a.attrelid = d.objid AND a.attnum = d.objsubid
    AND a.attnum > 0
) AS what ON true
WHERE NOT view.is_dropped
