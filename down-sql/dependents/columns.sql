-- What hangs on a column that is dropped or gets another type. Views: views.sql.
SELECT 'refused' AS verdict, NULL::text AS key, format('policy %I on %s', p.polname, p.polrelid::regclass) AS object,
  format('uses column %s, %s', h.title, h.how) AS clause, format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass) AS remedy,
  NULL::text AS probe
FROM hanging AS h JOIN pg_policy AS p ON h.classid = 'pg_policy'::regclass AND p.oid = h.objid
UNION
-- rebuild_enum makes triggers again, unless one compares with a label that goes.
SELECT CASE WHEN h.is_dropped OR mentions.label IS NOT NULL THEN 'refused' ELSE 'taken' END, NULL,
  format('trigger %I on %s', t.tgname, t.tgrelid::regclass),
  format('uses column %s, %s', h.title, coalesce(format('and compares it with %L, a label that goes', mentions.label), h.how)),
  format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass), NULL
FROM hanging AS h
JOIN pg_trigger AS t ON h.classid = 'pg_trigger'::regclass AND t.oid = h.objid AND NOT t.tgisinternal
  AND t.tgname !~ '^langfuse_rollout_'
LEFT JOIN LATERAL (
  SELECT label FROM unnest(h.going) AS label
  WHERE strpos(pg_get_triggerdef(t.oid), format('%L::%s', label, h.type::regtype)) > 0 LIMIT 1
) AS mentions ON true
UNION
SELECT 'refused', NULL, format('rule %I on %s', r.rulename, r.ev_class::regclass),
  format('uses column %s, %s', h.title, h.how), format('DROP RULE %I ON %s', r.rulename, r.ev_class::regclass), NULL
FROM hanging AS h
JOIN pg_rewrite AS r ON h.classid = 'pg_rewrite'::regclass AND r.oid = h.objid
JOIN pg_class AS c ON c.oid = r.ev_class AND c.relkind IN ('r', 'p')
UNION
SELECT 'refused', NULL, format('generated column %s.%I', a.attrelid::regclass, a.attname),
  format('is computed from column %s, %s', h.title, h.how),
  format('ALTER TABLE %s DROP COLUMN %I', a.attrelid::regclass, a.attname), NULL
FROM hanging AS h
LEFT JOIN pg_attrdef AS d ON h.classid = 'pg_attrdef'::regclass AND d.oid = h.objid
JOIN pg_attribute AS a ON a.attrelid = h.relation AND a.attnum <> h.number AND a.attgenerated <> ''
  AND a.attnum = coalesce(d.adnum, CASE WHEN h.classid = 'pg_class'::regclass AND h.objid = h.relation THEN h.objsubid END)
UNION
SELECT 'refused', NULL, format('publication %I', p.pubname),
  format('has a filter or a list of columns with column %s, %s', h.title, h.how),
  format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, m.prrelid::regclass), NULL
FROM hanging AS h
JOIN pg_publication_rel AS m ON h.classid = 'pg_publication_rel'::regclass AND m.oid = h.objid
JOIN pg_publication AS p ON p.oid = m.prpubid
UNION
SELECT 'refused', NULL, format('%s %s', CASE f.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, f.oid::regprocedure),
  format('uses column %s, %s', h.title, h.how),
  format('DROP %s %s', CASE f.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, f.oid::regprocedure), NULL
FROM hanging AS h JOIN pg_proc AS f ON h.classid = 'pg_proc'::regclass AND f.oid = h.objid
UNION
-- A foreign key of the owner's table to a key that goes. Langfuse's own keys are the down SQL's.
SELECT 'refused', NULL, format('foreign key %I of %s', k.conname, k.conrelid::regclass),
  format('refers to the key %s, which the rollback drops', i.title),
  format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname), NULL
FROM dropped_index AS i
JOIN pg_constraint AS k ON k.contype = 'f' AND k.conindid = i.oid AND k.conparentid = 0
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE NOT (c.relnamespace = to_regnamespace('public') AND c.relname IN (SELECT name FROM own))
UNION
SELECT 'refused', NULL, format('sequence %s', s.oid::regclass), format('is owned by column %s, %s', h.title, h.how),
  format('ALTER SEQUENCE %s OWNED BY NONE', s.oid::regclass), NULL
FROM hanging AS h
JOIN pg_class AS s ON h.classid = 'pg_class'::regclass AND s.oid = h.objid AND s.relkind = 'S' AND h.deptype = 'a'
WHERE h.is_dropped
UNION
-- PostgreSQL drops these with the column; drop_column archives their definitions. Langfuse's own are in the catalog.
SELECT 'taken', format('index public.%s.%s', c.relname, x.relname), format('index %s', x.oid::regclass),
  format('goes with column %s; its definition goes to the archive', h.title), NULL, NULL
FROM hanging AS h
JOIN pg_class AS x ON h.classid = 'pg_class'::regclass AND x.oid = h.objid AND x.relkind IN ('i', 'I')
JOIN pg_class AS c ON c.oid = h.relation
WHERE h.is_dropped
UNION
SELECT 'taken', format('constraint public.%s.%s', c.relname, k.conname), format('constraint %I of %s', k.conname, k.conrelid::regclass),
  format('goes with column %s; its definition goes to the archive', h.title), NULL, NULL
FROM hanging AS h
JOIN pg_constraint AS k ON h.classid = 'pg_constraint'::regclass AND k.oid = h.objid AND k.conrelid = h.relation
JOIN pg_class AS c ON c.oid = h.relation
WHERE h.is_dropped AND h.deptype = 'a'
UNION
-- Updates and deletes of a published table fail without its replica identity.
SELECT 'refused', NULL, format('replica identity of %s', i.indrelid::regclass),
  format('is index %s, which the rollback drops', x.title),
  format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', i.indrelid::regclass), NULL
FROM dropped_index AS x
JOIN pg_index AS i ON i.indexrelid = x.oid AND i.indisreplident
JOIN pg_class AS c ON c.oid = i.indrelid AND c.relreplident = 'i'
