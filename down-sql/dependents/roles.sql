-- What this role may do, the archive's schema, and triggers on events.
SELECT 'refused', NULL, format('database %I', current_database()), format('does not let role %I create the archive', current_user),
  format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user), NULL
WHERE EXISTS (SELECT FROM touch) AND to_regnamespace('langfuse_rollout') IS NULL
  AND NOT has_database_privilege(current_database(), 'CREATE')
UNION
SELECT 'refused', NULL, 'schema public', format('does not let role %I create types, tables and indexes', current_user),
  format('GRANT CREATE ON SCHEMA public TO %I', current_user), NULL
WHERE NOT has_schema_privilege('public', 'CREATE')
  AND EXISTS (SELECT FROM touch WHERE call ~ '^create_|^rebuild_enum$|^drop_table$|^add_constraint$')
UNION
SELECT 'refused', NULL, format('table %s', c.oid::regclass), format('may not be changed by role %I', current_user),
  format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', c.oid::regclass, current_user), NULL
FROM pg_class AS c
WHERE c.relname = '_prisma_migrations' AND c.relnamespace = to_regnamespace('public') AND EXISTS (SELECT FROM touch)
  AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
    AND has_table_privilege(c.oid, 'DELETE'))
UNION
SELECT 'refused', NULL, 'schema langfuse_rollout',
  format('belongs to role %I, and role %I may not create the archive in it', pg_get_userbyid(n.nspowner), current_user),
  format('ALTER SCHEMA langfuse_rollout RENAME TO %I', 'langfuse_rollout_of_' || pg_get_userbyid(n.nspowner)), NULL
FROM pg_namespace AS n
WHERE n.nspname = 'langfuse_rollout' AND EXISTS (SELECT FROM touch)
  AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'))
UNION
SELECT 'refused', NULL, format('table %s', c.oid::regclass), 'is not the archive of this action',
  'ALTER SCHEMA langfuse_rollout RENAME TO langfuse_rollout_own', NULL
FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace('langfuse_rollout') AND EXISTS (SELECT FROM touch)
  AND c.relname IN ('archived_rows', 'archived_columns', 'archived_tables', 'journal')
  AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'rollback_id' AND NOT a.attisdropped)
UNION
-- CREATE OR REPLACE and ALTER need the owner.
SELECT 'refused', NULL, format('%s %s', o.kind, o.title), format('belongs to role %I, so this role cannot use the archive', pg_get_userbyid(o.owner)),
  format('ALTER %s %s OWNER TO %I', upper(o.kind), o.title, current_user), NULL
FROM (
  SELECT 'table' AS kind, c.oid::regclass::text AS title, c.relowner AS owner FROM pg_class AS c
  WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace('langfuse_rollout')
    AND c.relname IN ('archived_rows', 'archived_columns', 'archived_tables', 'journal')
  UNION ALL
  SELECT 'function', f.oid::regprocedure::text, f.proowner FROM pg_proc AS f
  WHERE f.pronamespace = to_regnamespace('langfuse_rollout')
) AS o
WHERE NOT pg_has_role(o.owner, 'USAGE') AND EXISTS (SELECT FROM touch)
UNION
-- Like a trigger on a table (rows.sql); an extension's own, such as pgaudit's, only watches.
SELECT CASE WHEN seen.is_safe THEN 'left' ELSE 'refused' END, NULL, format('event trigger %I', e.evtname),
  format('fires when the rollback changes the schema%s', CASE WHEN NOT seen.is_safe THEN ', and may stop that' END),
  CASE WHEN NOT seen.is_safe THEN format('ALTER EVENT TRIGGER %I DISABLE', e.evtname) END, NULL
FROM pg_event_trigger AS e
JOIN pg_proc AS f ON f.oid = e.evtfoid
JOIN pg_language AS l ON l.oid = f.prolang
CROSS JOIN LATERAL (
  SELECT EXISTS (
      SELECT FROM pg_depend AS d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
    OR l.lanname = 'plpgsql'
    AND regexp_replace(f.prosrc, '\mraise\s+(debug|log|info|notice|warning)\M', '', 'gi') !~* '\m(raise|assert)\M' AS is_safe
) AS seen
WHERE e.evtenabled IN ('O', 'A') AND EXISTS (SELECT FROM touch)
  AND e.evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop', 'table_rewrite')
  AND (e.evttags IS NULL OR EXISTS (
    SELECT FROM unnest(e.evttags) AS tag
    WHERE tag ~ '^(CREATE|ALTER|DROP) (TABLE|INDEX|TYPE|VIEW|SCHEMA|FUNCTION|TRIGGER|SEQUENCE|MATERIALIZED VIEW)$|^(GRANT|REVOKE|COMMENT)$'))
