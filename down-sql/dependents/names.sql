-- Names that the rollback gives, where something of the owner has them.
SELECT 'refused', NULL, format('%s %s', what.kind, c.oid::regclass),
  format('has the name of a %s that the rollback makes', replace(t.call, 'create_', '')),
  format('ALTER %s %s RENAME TO %I', upper(what.kind), c.oid::regclass, c.relname || '_own'), NULL
FROM touch AS t
JOIN pg_class AS c ON c.relnamespace = to_regnamespace('public')
  AND c.relname = CASE t.call WHEN 'create_index' THEN t.part ELSE t.name END::name
CROSS JOIN LATERAL (SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index'
  WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END AS kind) AS what
WHERE t.call IN ('create_table', 'create_view') OR t.call = 'create_index' AND NOT EXISTS (
  SELECT FROM pg_index AS i JOIN pg_class AS p ON p.oid = i.indrelid AND p.relnamespace = to_regnamespace('public')
  WHERE i.indexrelid = c.oid AND p.relname = t.name::name)
UNION
SELECT 'refused', NULL, format('column %s.%I', r.title, a.attname), 'has the name of a column that the rollback makes',
  format('ALTER TABLE %s RENAME COLUMN %I TO %I', r.title, a.attname, a.attname || '_own'), NULL
FROM relation AS r
JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname = r.part AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.call = 'add_column'
UNION
SELECT 'refused', NULL, format('type %s', n.oid::regtype), format('has the name that the rollback gives to %s', o.oid::regtype),
  format('ALTER TYPE %s RENAME TO %I', n.oid::regtype, n.typname || '_own'), NULL
FROM touch AS t
JOIN pg_type AS o ON o.typname = t.name::name AND o.typnamespace = to_regnamespace('public')
JOIN pg_type AS n ON n.typname = t.part::name AND n.typnamespace = o.typnamespace
WHERE t.call = 'rename_enum'
UNION
SELECT 'refused', NULL, format('relation %s', n.oid::regclass), format('has the name that the rollback gives to %s', o.oid::regclass),
  format('ALTER TABLE %s RENAME TO %I', n.oid::regclass, n.relname || '_own'), NULL
FROM touch AS t
JOIN pg_class AS o ON o.relname = t.name::name AND o.relnamespace = to_regnamespace('public')
JOIN pg_class AS n ON n.relname = t.part::name AND n.relnamespace = o.relnamespace
WHERE t.call IN ('rename_index', 'rename_table')
