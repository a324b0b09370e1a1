-- Archive, delete, rewrite and insert rows.

-- Copies whole rows into the archive and returns their number. Reads only: no row is locked.
CREATE OR REPLACE FUNCTION langfuse_rollout.archive_rows(relation text, condition text, reason text)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  RETURN langfuse_rollout.archive_matching(place, condition, reason, NULL, false, NULL);
END
$toolbox$;

-- Archives and deletes rows in one statement, and returns their number. Rows that a foreign key would delete or change
-- with them are archived first. Locks these rows only.
CREATE OR REPLACE FUNCTION langfuse_rollout.delete_rows(relation text, condition text, reason text)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  gone bigint;
  kept bigint;
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  condition := langfuse_rollout.next_batch(place, condition, 'delete');
  IF EXISTS (
    SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = place AND confdeltype IN ('c', 'n', 'd')
  ) THEN
    -- From here on nobody can refer to them any more.
    EXECUTE format('SELECT FROM %s AS this WHERE (%s
      ) FOR UPDATE', place::regclass, condition);
    PERFORM langfuse_rollout.archive_referrers(place, condition,
      format('it refers to a row of %s that is deleted: %s', place::regclass, reason), ARRAY[place]);
  END IF;
  EXECUTE format($sql$
    WITH gone AS (DELETE FROM %s AS this WHERE (%s
    ) RETURNING %s AS row), kept AS (
      INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row)
      SELECT $1, $2, $3, $4, 'row', gone.row FROM gone
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM kept)$sql$,
    place::regclass, condition, langfuse_rollout.row_as_json(place, NULL))
  INTO gone, kept
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), place::regclass::text, reason;
  PERFORM langfuse_rollout.check_archived(place, gone, kept);
  RETURN gone;
END
$toolbox$;

-- Archives rows as they are and applies the assignments to them; returns their number. Locks these rows only. The
-- assignments must make the condition false, or a second call rewrites the rows again.
CREATE OR REPLACE FUNCTION langfuse_rollout.rewrite_rows(relation text, assignments text, condition text, reason text)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  key text[] := coalesce(langfuse_rollout.primary_key(place), '{ctid}');
  picked text;
  same text;
  written bigint;
  kept bigint;
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  condition := langfuse_rollout.next_batch(place, condition, assignments);
  SELECT string_agg(format('this.%I AS rollout_key_%s', name, n), ', '),
    string_agg(format('this.%I = before_rewrite.rollout_key_%s', name, n), ' AND ')
  INTO picked, same
  FROM unnest(key) WITH ORDINALITY AS k (name, n);
  EXECUTE format($sql$
    WITH before_rewrite AS MATERIALIZED (
      SELECT %1$s, %2$s AS rollout_row FROM %3$s AS this WHERE (%4$s
      ) FOR UPDATE OF this
    ), rewritten AS (
      UPDATE %3$s AS this SET %5$s
      FROM before_rewrite WHERE %6$s
      RETURNING before_rewrite.rollout_row AS before, %2$s AS after
    ), kept AS (
      INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row, written)
      SELECT $1, $2, $3, $4, 'row', before, (
        SELECT coalesce(jsonb_object_agg(changed.key, changed.value), '{}') FROM jsonb_each(after) AS changed
        WHERE changed.value IS DISTINCT FROM before -> changed.key)
      FROM rewritten
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM rewritten), (SELECT count(*) FROM kept)$sql$,
    picked, langfuse_rollout.row_as_json(place, NULL), place::regclass, condition, assignments, same)
  INTO written, kept
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), place::regclass::text, reason;
  PERFORM langfuse_rollout.check_archived(place, written, kept);
  RETURN written;
END
$toolbox$;

-- Inserts what the query returns into the columns, except for rows whose key exists; returns the number of new rows.
CREATE OR REPLACE FUNCTION langfuse_rollout.insert_rows(relation text, columns text, query text)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  list text := langfuse_rollout.todo_list(place, concat_ws(chr(1), columns, query));
  inserted bigint;
BEGIN
  IF place IS NULL THEN RETURN 0; END IF;
  IF list IS NULL THEN
    EXECUTE format(E'INSERT INTO %s (%s) %s\n ON CONFLICT DO NOTHING', place::regclass, columns, query);
    GET DIAGNOSTICS inserted = ROW_COUNT;
    RETURN inserted;
  END IF;
  IF to_regclass('pg_temp.' || list) IS NULL THEN
    EXECUTE format('CREATE TEMPORARY TABLE %I ON COMMIT PRESERVE ROWS AS SELECT %s FROM %s WHERE false',
      list, columns, place::regclass);
    EXECUTE format('INSERT INTO pg_temp.%I %s', list, query);
  END IF;
  EXECUTE format($sql$
    WITH part AS (
      DELETE FROM pg_temp.%1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM pg_temp.%1$I LIMIT %4$s)) RETURNING *
    )
    INSERT INTO %2$s (%3$s) SELECT * FROM part ON CONFLICT DO NOTHING$sql$,
    list, place::regclass, columns, current_setting('langfuse_rollout.batch'));
  GET DIAGNOSTICS inserted = ROW_COUNT;
  PERFORM langfuse_rollout.tell_whether_more(list);
  RETURN inserted;
END
$toolbox$;

-- Archives the values of a column that differ from its default (from NULL if it has none), each with the primary key;
-- returns the number of those that it added. Until the column is dropped, a second call does nothing, except in the phase
-- prepare of a run that resumes a killed one: since then, the newer release may have run again. A computed default cannot
-- be told from a value, so then every row is archived.
CREATE OR REPLACE FUNCTION langfuse_rollout.archive_column(relation text, column_name text)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  number smallint := langfuse_rollout.column_named(place, column_name);
  known bigint;
  reason text := format('the column %I is dropped', column_name::name);
  otherwise text;
  is_computed boolean;
  definition text;
  differs text;
  copied bigint;
BEGIN
  SELECT id INTO known FROM langfuse_rollout.archived_columns AS archived
  WHERE archived.rollback_id = langfuse_rollout.setting('rollback_id')
    AND archived.migration = langfuse_rollout.setting('migration')
    AND archived.relation = place::regclass::text AND archived.column_name = archive_column.column_name::name
    AND archived.dropped_at IS NULL;
  IF number IS NULL OR known IS NOT NULL AND coalesce(current_setting('langfuse_rollout.batch', true), '') = '' THEN
    RETURN 0;
  END IF;
  SELECT pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '',
    concat_ws(' ', format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
        ELSE 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
      CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
      CASE WHEN a.attnotnull THEN 'NOT NULL' END)
  INTO otherwise, is_computed, definition
  FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = place AND a.attnum = number;
  is_computed := is_computed OR coalesce(otherwise ~ '[(]|^(CURRENT_|LOCAL|SESSION_|USER)', false);
  differs := CASE WHEN is_computed THEN 'true'
    ELSE format('this.%I::text IS DISTINCT FROM (%s)::text', column_name::name, coalesce(otherwise, 'NULL')) END;
  IF known IS NOT NULL THEN
    ANALYZE langfuse_rollout.archived_rows; -- without numbers, both comparisons would search the archive for each row
    PERFORM langfuse_rollout.forget_changed(place, column_name::name::text, differs, reason);
  END IF;
  copied := langfuse_rollout.archive_matching(place, differs, reason, ARRAY[column_name::name::text], known IS NULL, NULL);
  IF known IS NOT NULL THEN
    UPDATE langfuse_rollout.archived_columns AS archived SET rows = (
      SELECT count(*) FROM langfuse_rollout.archived_rows AS kept
      WHERE kept.rollback_id = archived.rollback_id AND kept.migration = archived.migration
        AND kept.relation = archived.relation AND kept.reason = reason AND kept.outcome IS NULL)
    WHERE archived.id = known;
    RETURN copied;
  END IF;
  INSERT INTO langfuse_rollout.archived_columns (rollback_id, migration, relation, column_name, definition, rows)
  VALUES (langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), place::regclass::text,
    column_name::name, definition, copied);
  RETURN copied;
END
$toolbox$;

-- Removes the values of a column from the archive that a killed run put there and that are not there any more: a user
-- changed or deleted them since. Those of rows that the rollback itself has deleted stay. Internal.
CREATE OR REPLACE FUNCTION langfuse_rollout.forget_changed(relation oid, column_name text, condition text, reason text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  key text[] := langfuse_rollout.primary_key(relation);
BEGIN
  EXECUTE format($sql$
    DELETE FROM langfuse_rollout.archived_rows AS kept
    WHERE kept.rollback_id = $1 AND kept.migration = $2 AND kept.relation = $3 AND kept.reason = $4
      AND kept.kind <> 'definition' AND kept.outcome IS NULL
      AND NOT EXISTS (SELECT FROM (SELECT %s AS row FROM %s AS this WHERE (%s
      )) AS there WHERE there.row = kept.row)
      AND NOT EXISTS (SELECT FROM langfuse_rollout.archived_rows AS whole
        WHERE whole.rollback_id = $1 AND whole.relation = $3 AND whole.kind = 'row' AND whole.written IS NULL
          AND whole.outcome IS NULL AND whole.row @> kept.row)$sql$,
    langfuse_rollout.row_as_json(relation, CASE WHEN key IS NOT NULL THEN key || column_name END), relation::regclass,
    condition)
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), relation::regclass::text, reason;
END
$toolbox$;
