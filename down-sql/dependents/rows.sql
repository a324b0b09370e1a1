-- What acts when rows are changed, and rows that the archive cannot hold.
SELECT CASE WHEN NOT seen.is_safe THEN 'refused' ELSE 'left' END, NULL,
  format('trigger %I on %s', t.tgname, r.title),
  format('fires when the rollback changes rows%s', CASE WHEN NOT seen.is_safe THEN ', and may stop that' END),
  CASE WHEN NOT seen.is_safe THEN format('ALTER TABLE %s DISABLE TRIGGER %I', r.title, t.tgname) END, NULL
FROM relation AS r
JOIN pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgname !~ '^langfuse_rollout_'
  AND t.tgtype & CASE WHEN r.call = 'delete_rows' THEN 8 WHEN r.call = 'insert_rows' THEN 4
    WHEN r.call = 'rewrite_rows' OR r.call = 'set_not_null' AND r.text IS NOT NULL THEN 16 ELSE 0 END <> 0
JOIN pg_proc AS f ON f.oid = t.tgfoid
JOIN pg_language AS l ON l.oid = f.prolang
CROSS JOIN LATERAL (
  -- Evidence is the function's text: it raises no error, and before a change it does not skip the row.
  SELECT l.lanname IN ('internal', 'c') OR l.lanname = 'plpgsql'
    AND regexp_replace(f.prosrc, '\mraise\s+(debug|log|info|notice|warning)\M', '', 'gi') !~* '\m(raise|assert)\M'
    AND NOT (t.tgtype & 2 <> 0 AND (f.prosrc ~* '\mreturn\s+null\M'
      OR t.tgtype & 8 = 0 AND f.prosrc ~* '\mreturn\s+old\M')) AS is_safe
) AS seen
UNION
-- PostgreSQL does not allow the toolbox's WITH … DELETE on a table with such a rule.
SELECT 'refused', NULL, format('rule %I on %s', w.rulename, r.title), 'acts when the rollback changes rows',
  format('ALTER TABLE %s DISABLE RULE %I', r.title, w.rulename), NULL
FROM relation AS r
JOIN pg_rewrite AS w ON w.ev_class = r.oid AND w.ev_enabled IN ('O', 'A')
  AND w.ev_type = CASE WHEN r.call = 'delete_rows' THEN '4' WHEN r.call = 'insert_rows' THEN '3'
    WHEN r.call = 'rewrite_rows' OR r.call = 'set_not_null' AND r.text IS NOT NULL THEN '2' END
UNION
SELECT 'refused', NULL, format('foreign key %I of %s', k.conname, k.conrelid::regclass),
  format('refers to rows of %s that the rollback %s', r.title, CASE r.call WHEN 'delete_rows' THEN 'deletes' ELSE 'gives another key' END),
  format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname),
  format(E'SELECT EXISTS (SELECT FROM %s AS child JOIN %s AS this ON %s WHERE (%s\n))', k.conrelid::regclass, r.title, same.sql, r.text)
FROM relation AS r
JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = r.oid AND k.conparentid = 0
  AND CASE r.call WHEN 'delete_rows' THEN k.confdeltype ELSE k.confupdtype END IN ('a', 'r')
JOIN pg_class AS c ON c.oid = k.conrelid
CROSS JOIN LATERAL (
  SELECT string_agg(format('child.%I = this.%I', a.attname, b.attname), ' AND ') AS sql
  FROM unnest(k.conkey, k.confkey) AS x (ours, theirs)
  JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = x.ours
  JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = x.theirs
) AS same
WHERE (r.call = 'delete_rows' OR r.call = 'rewrite_rows' AND EXISTS (
    SELECT FROM pg_attribute AS a
    WHERE a.attrelid = r.oid AND a.attnum = ANY (k.confkey) AND r.part ~ format('^\s*%s\s*=', a.attname)))
  AND NOT (c.relnamespace = to_regnamespace('public') AND c.relname IN (SELECT name FROM own))
UNION
SELECT CASE WHEN can.read THEN 'taken' ELSE 'refused' END, NULL, format('foreign key %I of %s', k.conname, k.conrelid::regclass),
  CASE WHEN can.read THEN format('deletes or changes rows with those of %s; they go to the archive first', r.title)
    ELSE format('deletes or changes rows with those of %s, and role %I may not read all of them into the archive', r.title, current_user) END,
  CASE WHEN NOT can.read THEN format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname) END, NULL
FROM relation AS r
JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = r.oid AND k.conparentid = 0 AND k.confdeltype IN ('c', 'n', 'd')
JOIN pg_class AS c ON c.oid = k.conrelid
CROSS JOIN LATERAL (
  SELECT has_table_privilege(k.conrelid, 'SELECT') AND has_schema_privilege(c.relnamespace, 'USAGE')
    AND NOT row_security_active(k.conrelid) AS read
) AS can
WHERE r.call = 'delete_rows' AND NOT (c.relnamespace = to_regnamespace('public') AND c.relname IN (SELECT name FROM own))
UNION
-- jsonb holds 268,435,455 bytes. A table whose large values take less than 1 MB compressed has no such row.
SELECT 'refused', NULL, format('table %s', r.title), 'has a row that is larger than jsonb, and so the archive, can hold (256 MB)', NULL,
  format(E'SELECT EXISTS (SELECT FROM %s AS this WHERE CASE WHEN %s > 268435455 THEN (%s\n) ELSE false END)', r.title, size.sql,
    coalesce(CASE WHEN r.call IN ('delete_rows', 'rewrite_rows', 'archive_rows') THEN r.text END, 'true'))
FROM relation AS r
CROSS JOIN LATERAL (
  SELECT string_agg(CASE
      WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN format('coalesce(octet_length(this.%I)::bigint, 0)', a.attname)
      WHEN a.atttypid = 'bytea'::regtype THEN format('coalesce(2 * octet_length(this.%I)::bigint, 0)', a.attname)
      ELSE format('CASE WHEN pg_column_size(this.%1$I) > 1000000 THEN octet_length(this.%1$I::text)::bigint ELSE 0 END', a.attname)
    END, ' + ' ORDER BY a.attnum) AS sql
  FROM pg_attribute AS a
  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attlen = -1
    AND (r.call NOT IN ('drop_column', 'archive_column') OR a.attname = r.part)
) AS size
WHERE r.call IN ('drop_column', 'archive_column', 'archive_rows', 'delete_rows', 'rewrite_rows') AND size.sql IS NOT NULL
  AND r.reltoastrelid <> 0 AND pg_relation_size(r.reltoastrelid) > 1000000
