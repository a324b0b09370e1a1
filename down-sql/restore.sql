-- Makes the functions that put back what a rollback archived: docs/restore.md. Run this file first (psql -f, or paste it).
-- It changes no table. It needs the toolbox, which every rollback leaves in the schema langfuse_rollout.
-- restore, restore_in_batches, restore_report and drop_archive are for people; the others are internal.

-- Puts back what a rollback archived under migrations that are applied again, or under the migrations that are given.
-- Returns restore_report. Changes nothing that was written since, and removes nothing from the archive; what is back is
-- not put back twice. Locks the rows that it writes, and adds a column to archived tables.
CREATE OR REPLACE FUNCTION langfuse_rollout.restore(rollback_id text, migrations text[] DEFAULT NULL)
RETURNS TABLE (relation text, kind text, found bigint, restored bigint, skipped bigint, why text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  CALL langfuse_rollout.restore_all(rollback_id, migrations, false);
  RETURN QUERY SELECT * FROM langfuse_rollout.restore_report(rollback_id);
END
$toolbox$;

-- The same for a big archive: CALL langfuse_rollout.restore_in_batches('…') commits after each 1,000 rows, so that it
-- locks only these, says how far it is, and goes on where it was when it is called again. Only outside a transaction.
CREATE OR REPLACE PROCEDURE langfuse_rollout.restore_in_batches(rollback_id text, migrations text[] DEFAULT NULL)
LANGUAGE plpgsql AS $toolbox$
DECLARE
  path text := pg_catalog.current_setting('search_path');
BEGIN
  -- A procedure that commits cannot have settings of its own.
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
  COMMIT;
  CALL langfuse_rollout.restore_all(rollback_id, migrations, true);
  PERFORM pg_catalog.set_config('search_path', path, false);
END
$toolbox$;

-- Everything in its order, in this transaction or in many.
CREATE OR REPLACE PROCEDURE langfuse_rollout.restore_all(rollback_id text, migrations text[], commits boolean)
LANGUAGE plpgsql AS $toolbox$
#variable_conflict use_variable
DECLARE
  lock bigint := hashtextextended('langfuse_rollout.restore', 0);
  before bigint := -1;
  done bigint := 0;
BEGIN
  PERFORM langfuse_rollout.check_rollback(rollback_id);
  IF commits THEN PERFORM pg_advisory_lock(lock); ELSE PERFORM pg_advisory_xact_lock(lock); END IF;
  migrations := coalesce(migrations, langfuse_rollout.applied_migrations());
  -- Without numbers each batch would read the whole archive, and without this index each name of a column.
  CREATE INDEX IF NOT EXISTS archived_definitions
    ON langfuse_rollout.archived_rows (rollback_id, relation) WHERE kind = 'definition';
  ANALYZE langfuse_rollout.archived_rows;
  -- A row may have to wait for another one that its foreign key refers to.
  WHILE done > before LOOP
    before := done;
    CALL langfuse_rollout.restore_tables(rollback_id, migrations, commits);
    CALL langfuse_rollout.restore_rows(rollback_id, migrations, commits);
    done := (SELECT coalesce(sum(r.restored), 0) FROM langfuse_rollout.restore_report(rollback_id) AS r);
  END LOOP;
  IF commits THEN PERFORM pg_advisory_unlock(lock); END IF;
END
$toolbox$;

-- Deletes what a rollback archived, for good. An error while something is not back, unless the second argument is true.
CREATE OR REPLACE FUNCTION langfuse_rollout.drop_archive(rollback_id text, even_what_is_not_back boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  missed bigint;
  stored record;
BEGIN
  PERFORM langfuse_rollout.check_rollback(rollback_id);
  SELECT sum(r.skipped) INTO missed FROM langfuse_rollout.restore_report(rollback_id) AS r;
  IF missed > 0 AND NOT even_what_is_not_back THEN
    RAISE EXCEPTION '% rows and values of the archive % are not back', missed, rollback_id
      USING HINT = format('Look at SELECT * FROM langfuse_rollout.restore(%L); to remove all the same: '
        'SELECT langfuse_rollout.drop_archive(%L, true)', rollback_id, rollback_id);
  END IF;
  FOR stored IN
    SELECT t.stored_as FROM langfuse_rollout.archived_tables AS t
    WHERE t.rollback_id = drop_archive.rollback_id AND to_regclass(t.stored_as) IS NOT NULL ORDER BY t.id
  LOOP
    EXECUTE format('DROP TABLE %s', to_regclass(stored.stored_as));
  END LOOP;
  DELETE FROM langfuse_rollout.archived_tables AS t WHERE t.rollback_id = drop_archive.rollback_id;
  DELETE FROM langfuse_rollout.archived_columns AS c WHERE c.rollback_id = drop_archive.rollback_id;
  DELETE FROM langfuse_rollout.archived_rows AS a WHERE a.rollback_id = drop_archive.rollback_id;
END
$toolbox$;

-- An error that lists the rollbacks in the archive, when this one is not among them.
CREATE OR REPLACE FUNCTION langfuse_rollout.check_rollback(rollback_id text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  known text[] := ARRAY(
    SELECT a.rollback_id FROM langfuse_rollout.archived_rows AS a
    UNION SELECT t.rollback_id FROM langfuse_rollout.archived_tables AS t
    UNION SELECT c.rollback_id FROM langfuse_rollout.archived_columns AS c ORDER BY 1);
BEGIN
  IF rollback_id = ANY (known) THEN RETURN; END IF;
  RAISE EXCEPTION 'the archive has nothing of a rollback %', coalesce(quote_literal(rollback_id), 'without an id')
    USING HINT = 'It has: ' || coalesce(nullif(array_to_string(known, ', '), ''), 'nothing');
END
$toolbox$;

-- Returns the migrations that Prisma has applied. While a migration is undone, the running release does not know what
-- its undoing has archived.
CREATE OR REPLACE FUNCTION langfuse_rollout.applied_migrations()
RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN ARRAY(SELECT m.migration_name::text FROM public._prisma_migrations AS m
    WHERE m.finished_at IS NOT NULL AND m.rolled_back_at IS NULL);
EXCEPTION WHEN undefined_table THEN
  RAISE EXCEPTION 'public._prisma_migrations is not there: this is not the database of a Langfuse that has been upgraded';
END
$toolbox$;

-- Returns whether a row or value with this outcome needs nothing more.
CREATE OR REPLACE FUNCTION langfuse_rollout.is_back(outcome text)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN coalesce(outcome LIKE 'restored%' OR outcome LIKE 'already there%', false);
END
$toolbox$;

-- Returns the column whose dropping archived a row with this reason, or NULL.
CREATE OR REPLACE FUNCTION langfuse_rollout.dropped_column(rollback_id text, relation text, reason text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT c.column_name FROM langfuse_rollout.archived_columns AS c
    WHERE c.rollback_id = dropped_column.rollback_id AND c.relation = dropped_column.relation
      AND dropped_column.reason = format('the column %I is dropped', c.column_name)
    LIMIT 1
  );
END
$toolbox$;

-- Returns a line for each table and kind of entry: how much is archived, how much is back, and why the rest is not.
CREATE OR REPLACE FUNCTION langfuse_rollout.restore_report(rollback_id text)
RETURNS TABLE (relation text, kind text, found bigint, restored bigint, skipped bigint, why text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  stored record;
  entries bigint; -- found is PL/pgSQL's own
  back bigint;
  reasons text;
  counted text := $sql$
    SELECT sum(o.number)::bigint, coalesce(sum(o.number) FILTER (WHERE langfuse_rollout.is_back(o.outcome)), 0)::bigint,
      string_agg(format('%%s: %%s', o.number, coalesce(o.outcome, 'not tried')), '; ' ORDER BY o.number DESC, o.outcome)
        FILTER (WHERE o.outcome IS DISTINCT FROM 'restored')
    FROM (SELECT a.%1$I AS outcome, count(*) AS number FROM %2$s AS a WHERE %3$s GROUP BY 1) AS o$sql$;
BEGIN
  FOR stored IN
    SELECT t.relation, t.stored_as, t.rows, to_regclass(t.stored_as) AS place FROM langfuse_rollout.archived_tables AS t
    WHERE t.rollback_id = restore_report.rollback_id ORDER BY t.id DESC
  LOOP
    IF stored.place IS NULL THEN
      entries := stored.rows; back := 0; reasons := stored.stored_as || ' is not there any more';
    ELSIF langfuse_rollout.has_outcome(stored.place) THEN
      EXECUTE format(counted, 'langfuse_rollout_outcome', stored.place, 'true') INTO entries, back, reasons;
    ELSE
      EXECUTE format('SELECT count(*) FROM %s', stored.place) INTO entries;
      back := 0; reasons := 'not tried: its migration is not applied, or there is no such table';
    END IF;
    RETURN QUERY SELECT stored.relation, 'table', coalesce(entries, 0), coalesce(back, 0),
      coalesce(entries, 0) - coalesce(back, 0), reasons;
  END LOOP;
  FOR stored IN
    SELECT u.relation, u.label, array_agg(u.id) AS ids FROM (
      SELECT a.id, a.relation, CASE
        WHEN a.kind = 'definition' THEN 'definition'
        WHEN g.column_name IS NOT NULL THEN 'column ' || g.column_name
        WHEN a.kind = 'values' THEN 'label'
        WHEN a.written IS NOT NULL THEN 'rewritten row' ELSE 'deleted row' END AS label
      FROM langfuse_rollout.archived_rows AS a
      JOIN (
        SELECT r.relation, r.reason,
          langfuse_rollout.dropped_column(restore_report.rollback_id, r.relation, r.reason) AS column_name
        FROM (SELECT DISTINCT b.relation, b.reason FROM langfuse_rollout.archived_rows AS b
          WHERE b.rollback_id = restore_report.rollback_id) AS r
      ) AS g ON g.relation = a.relation AND g.reason = a.reason
      WHERE a.rollback_id = restore_report.rollback_id
        -- The upgrade makes again what is Langfuse's own.
        AND (a.kind <> 'definition' OR a.row ->> 'kind' = 'statement')
    ) AS u
    GROUP BY 1, 2 ORDER BY 1, 2
  LOOP
    EXECUTE format(counted, 'outcome', 'langfuse_rollout.archived_rows', 'a.id = ANY ($1)')
    INTO entries, back, reasons USING stored.ids;
    IF stored.label = 'definition' THEN reasons := entries || ': to be made again by hand, in another form'; END IF;
    RETURN QUERY SELECT stored.relation, stored.label, entries, back, entries - back, reasons;
  END LOOP;
END
$toolbox$;

-- Returns whether a table of the archive has the column in which restore notes what became of each row.
CREATE OR REPLACE FUNCTION langfuse_rollout.has_outcome(relation oid)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN EXISTS (SELECT FROM pg_attribute AS a
    WHERE a.attrelid = relation AND a.attname = 'langfuse_rollout_outcome' AND NOT a.attisdropped);
END
$toolbox$;

-- Returns what a column of the archive is called since the upgrade.
CREATE OR REPLACE FUNCTION langfuse_rollout.current_name(rollback_id text, relation text, name text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN coalesce((
    SELECT a.row ->> 'old' FROM langfuse_rollout.archived_rows AS a
    WHERE a.rollback_id = current_name.rollback_id AND a.relation = current_name.relation
      AND a.kind = 'definition' AND a.row ->> 'kind' = 'renamed column' AND a.row ->> 'new' = current_name.name
    ORDER BY a.id LIMIT 1), name);
END
$toolbox$;

-- Copies the rows of moved tables into the tables that exist again; the table that was moved last comes first. 1,000
-- rows at a time: one that is refused does not stop many.
CREATE OR REPLACE PROCEDURE langfuse_rollout.restore_tables(rollback_id text, migrations text[], commits boolean)
LANGUAGE plpgsql AS $toolbox$
#variable_conflict use_variable
DECLARE
  stored record;
  part record;
  statements text[];
BEGIN
  FOR stored IN
    SELECT t.relation, to_regclass(t.stored_as) AS place, to_regclass(t.relation) AS target
    FROM langfuse_rollout.archived_tables AS t
    WHERE t.rollback_id = rollback_id AND t.migration = ANY (migrations)
      AND to_regclass(t.stored_as) IS NOT NULL AND to_regclass(t.relation) IS NOT NULL
    ORDER BY t.id DESC
  LOOP
    IF NOT langfuse_rollout.has_outcome(stored.place) THEN
      EXECUTE format('ALTER TABLE %s ADD COLUMN langfuse_rollout_outcome text', stored.place);
    END IF;
    EXECUTE format('ANALYZE %s', stored.place);
    statements := langfuse_rollout.inserts_of_table(rollback_id, stored.relation, stored.place, stored.target);
    FOR part IN EXECUTE format($sql$
      SELECT array_agg(n.place) AS places, n.number, max(n.total) AS total FROM (
        SELECT a.ctid::text AS place, (row_number() OVER () - 1) / 1000 AS number, count(*) OVER () AS total FROM %s AS a
        WHERE (a.langfuse_rollout_outcome ~ '^(restored|already there)') IS NOT TRUE
      ) AS n GROUP BY n.number ORDER BY n.number$sql$, stored.place)
    LOOP
      PERFORM langfuse_rollout.restore_some(statements, part.places,
        format('UPDATE %s AS a SET langfuse_rollout_outcome = $2 WHERE a.ctid = ANY ($1::tid[])', stored.place));
      CALL langfuse_rollout.end_batch(stored.relation, part.number, part.total, commits);
    END LOOP;
  END LOOP;
END
$toolbox$;

-- Puts back deleted rows, rewritten rows and values of columns, 1,000 at a time. What was archived last comes first, so
-- that each meets the table as its undoing left it.
CREATE OR REPLACE PROCEDURE langfuse_rollout.restore_rows(rollback_id text, migrations text[], commits boolean)
LANGUAGE plpgsql AS $toolbox$
#variable_conflict use_variable
DECLARE
  part record;
  statements text[];
  problem text;
BEGIN
  FOR part IN
    SELECT n.relation, n.migration, n.reason, n.kind, n.is_rewritten, n.keys, n.changed, n.number,
      array_agg(n.id::text ORDER BY n.id) AS places, max(n.total) AS total
    FROM (
      SELECT o.*, (row_number() OVER alike - 1) / 1000 AS number, count(*) OVER whole AS total, max(o.id) OVER whole AS newest
      FROM (
        SELECT a.id, a.relation, a.migration, a.reason, a.kind, a.written IS NOT NULL AS is_rewritten,
          ARRAY(SELECT k FROM jsonb_object_keys(a.row) AS k ORDER BY 1) AS keys,
          ARRAY(SELECT k FROM jsonb_object_keys(coalesce(a.written, '{}')) AS k ORDER BY 1) AS changed
        FROM langfuse_rollout.archived_rows AS a
        WHERE a.rollback_id = rollback_id AND a.kind <> 'definition'
          AND (a.outcome ~ '^(restored|already there)') IS NOT TRUE -- the rule of is_back, without a call for each row
      ) AS o
      WINDOW whole AS (PARTITION BY o.relation, o.migration, o.reason, o.kind, o.is_rewritten, o.keys, o.changed),
        alike AS (whole ORDER BY o.id)
    ) AS n
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, n.newest ORDER BY n.newest DESC, n.number
  LOOP
    IF part.number > 0 THEN
      NULL; -- it is planned already
    ELSIF part.migration <> ALL (migrations) THEN
      statements := NULL;
      problem := format('%s is not applied again', part.migration);
    ELSIF to_regclass(part.relation) IS NULL THEN
      statements := NULL;
      problem := 'there is no such table';
    ELSE
      SELECT p.statements, p.problem INTO statements, problem
      FROM langfuse_rollout.plan_of_rows(rollback_id, part.relation, to_regclass(part.relation), part.reason, part.kind, part.is_rewritten,
        part.keys, part.changed) AS p;
    END IF;
    PERFORM langfuse_rollout.restore_some(coalesce(statements, ARRAY['SELECT 1']), part.places,
      'UPDATE langfuse_rollout.archived_rows AS a SET outcome = $2 WHERE a.id = ANY ($1::bigint[])', problem);
    CALL langfuse_rollout.end_batch(part.relation, part.number, part.total, commits);
  END LOOP;
END
$toolbox$;

-- Ends the transaction of a batch, and says how far it is after each 100,000.
CREATE OR REPLACE PROCEDURE langfuse_rollout.end_batch(relation text, number bigint, total bigint, commits boolean)
LANGUAGE plpgsql AS $toolbox$
#variable_conflict use_variable
BEGIN
  IF NOT commits THEN RETURN; END IF;
  COMMIT;
  IF number % 100 = 99 THEN RAISE NOTICE '%: % of % entries', relation, (number + 1) * 1000, total; END IF;
END
$toolbox$;

-- Returns the statements that restore rows which were archived alike, or the reason why there are none.
CREATE OR REPLACE FUNCTION langfuse_rollout.plan_of_rows(
  rollback_id text, relation text, target oid, reason text, kind text, is_rewritten boolean, keys text[],
  changed text[]
)
RETURNS TABLE (statements text[], problem text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  going text := langfuse_rollout.dropped_column(rollback_id, relation, reason);
  -- What an older release does not have tells its rows from each other only when it is back.
  fixed text[] := ARRAY(
    SELECT k FROM unnest(CASE WHEN kind = 'values' THEN keys ELSE langfuse_rollout.primary_key(target) END) AS k
    WHERE k = ANY (keys) AND k IS DISTINCT FROM going
      AND (kind <> 'values' OR going IS NOT NULL OR k <> ALL (changed))
      AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname = k AND NOT a.attisdropped)
      AND NOT EXISTS (SELECT FROM langfuse_rollout.archived_columns AS c
        WHERE c.rollback_id = plan_of_rows.rollback_id AND c.relation = plan_of_rows.relation AND c.column_name = k
          AND NOT EXISTS (SELECT FROM langfuse_rollout.archived_rows AS r
            WHERE r.rollback_id = c.rollback_id AND r.migration = c.migration AND r.relation = c.relation
              AND r.reason = format('the column %I is dropped', k) AND langfuse_rollout.is_back(r.outcome))));
  wanted text[] := ARRAY(
    SELECT k FROM unnest(CASE WHEN going IS NOT NULL THEN ARRAY[going] ELSE changed END) AS k
    JOIN pg_attribute AS a ON a.attrelid = target
      AND a.attname = langfuse_rollout.current_name(rollback_id, relation, k)
      AND NOT a.attisdropped AND a.attgenerated = '');
BEGIN
  IF going IS NULL AND NOT is_rewritten AND kind = 'row' THEN
    statements := langfuse_rollout.inserts_of_rows(rollback_id, relation, target, keys);
  ELSIF going IS NULL AND NOT is_rewritten THEN
    problem := 'what the rollback wrote in its place is not known';
  ELSIF is_rewritten AND changed = '{}' THEN
    problem := 'already there: nothing of it had changed';
  ELSIF wanted = '{}' THEN
    problem := 'the table has no such column, or computes it';
  ELSIF fixed = '{}' THEN
    problem := 'nothing tells its row from others';
  ELSE
    statements := ARRAY[langfuse_rollout.update_of_rows(rollback_id, relation, target, fixed, wanted, going IS NOT NULL)];
  END IF;
  RETURN NEXT;
END
$toolbox$;

-- Runs statements for the rows at places. When one is refused, it tries each half, until it is known which rows the
-- table refuses and why. note is the statement that writes the outcome of rows.
CREATE OR REPLACE FUNCTION langfuse_rollout.restore_some(
  statements text[], places text[], note text, problem text DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  statement text;
  half integer := cardinality(places) / 2;
BEGIN
  IF coalesce(cardinality(places), 0) = 0 THEN RETURN; END IF;
  IF problem IS NOT NULL THEN
    EXECUTE note USING places, problem;
    RETURN;
  END IF;
  BEGIN
    FOREACH statement IN ARRAY statements LOOP
      EXECUTE statement USING places;
    END LOOP;
    RETURN;
  EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception OR cannot_coerce
    OR datatype_mismatch OR program_limit_exceeded OR undefined_column THEN
    problem := SQLERRM;
  END;
  IF half = 0 THEN
    EXECUTE note USING places, problem;
    RETURN;
  END IF;
  PERFORM langfuse_rollout.restore_some(statements, places[:half], note);
  PERFORM langfuse_rollout.restore_some(statements, places[half + 1:], note);
END
$toolbox$;

-- Returns SQL for the value under key in the jsonb source, as the type that the column has now. In a jsonb column NULL
-- and JSON's null look the same: the result is NULL where the column can be, unless has_null.
CREATE OR REPLACE FUNCTION langfuse_rollout.archived_value(
  target oid, column_name text, source text, key text, has_null boolean DEFAULT false
)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT CASE
      WHEN a.atttypid = 'jsonb'::regtype THEN format(
        CASE WHEN a.attnotnull OR has_null THEN '(%s -> %L)'
          ELSE '(CASE WHEN jsonb_typeof(%1$s -> %2$L) <> ''null'' THEN %1$s -> %2$L END)' END,
        source, key)
      WHEN t.typcategory = 'A' THEN format('(jsonb_populate_record(NULL::%s, jsonb_build_object(%L, %s -> %L))).%I',
        target::regclass, a.attname, source, key, a.attname)
      ELSE format('(%s ->> %L)::%s', source, key, format_type(a.atttypid, NULL)) END
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = target AND a.attname = column_name
  );
END
$toolbox$;

-- Returns SQL for the text that a column has where nobody has written it, or NULL where that cannot be known. now() was
-- computed once, when the column was added, and PostgreSQL keeps it for the rows that existed.
CREATE OR REPLACE FUNCTION langfuse_rollout.untouched_value(target oid, column_name text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT CASE
      WHEN d.adbin IS NULL THEN 'NULL::text'
      WHEN regexp_replace(e.sql, '''[^'']*''', '', 'g') !~ '\w\(|CURRENT_|LOCAL|SESSION_|USER'
        THEN format('(%s)::text', e.sql)
      WHEN a.atthasmissing THEN format('%L::text', (a.attmissingval::text::text[])[1])
    END
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid) AS sql) AS e ON true
    WHERE a.attrelid = target AND a.attname = column_name
  );
END
$toolbox$;

-- Returns the statements that copy a moved table into the new one, in the columns that both have. A required column that
-- was dropped before the table was moved comes from the archived values.
CREATE OR REPLACE FUNCTION langfuse_rollout.inserts_of_table(rollback_id text, relation text, stored oid, target oid)
RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  key text[] := coalesce(langfuse_rollout.primary_key(stored), '{}');
  names text[];
  sources text[];
BEGIN
  SELECT array_agg(to_column.attname::text ORDER BY to_column.attnum), array_agg(CASE
    WHEN from_column.attname IS NULL THEN format('(SELECT %s FROM pg_temp.%I AS v WHERE v.key = ARRAY[%s])',
      langfuse_rollout.archived_value(target, to_column.attname, 'v.row', to_column.attname),
      langfuse_rollout.archived_values_by_key(rollback_id, relation, to_column.attname, key),
      (SELECT string_agg(format('a.%I::text', k), ', ' ORDER BY n) FROM unnest(key) WITH ORDINALITY AS l (k, n)))
    WHEN from_column.atttypid = to_column.atttypid THEN format('a.%I', from_column.attname)
    ELSE format('a.%I::text::%s', from_column.attname, format_type(to_column.atttypid, NULL)) END ORDER BY to_column.attnum)
  INTO names, sources
  FROM pg_attribute AS to_column
  LEFT JOIN pg_attribute AS from_column ON from_column.attrelid = stored AND from_column.attnum > 0
    AND NOT from_column.attisdropped
    AND langfuse_rollout.current_name(rollback_id, relation, from_column.attname) = to_column.attname
  WHERE to_column.attrelid = target AND to_column.attnum > 0 AND NOT to_column.attisdropped
    AND to_column.attgenerated = ''
    AND (from_column.attname IS NOT NULL OR key <> '{}' AND to_column.attnotnull AND NOT to_column.atthasdef
      AND EXISTS (SELECT FROM langfuse_rollout.archived_columns AS c WHERE c.rollback_id = inserts_of_table.rollback_id
        AND c.relation = inserts_of_table.relation AND c.column_name = to_column.attname));
  RETURN langfuse_rollout.inserts(target, stored::regclass::text, 'ctid', 'langfuse_rollout_outcome', names, sources,
    '''restored''');
END
$toolbox$;

-- Returns a temporary table with the newest archived value of a dropped column for each key, because the archive itself
-- has no index of keys.
CREATE OR REPLACE FUNCTION langfuse_rollout.archived_values_by_key(rollback_id text, relation text, column_name text, key text[])
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  name text := 'langfuse_rollout_' || to_hex(hashtextextended(concat_ws(chr(1), rollback_id, relation, column_name), 0));
BEGIN
  IF to_regclass(format('pg_temp.%I', name)) IS NOT NULL THEN RETURN name; END IF;
  EXECUTE format($sql$CREATE TEMPORARY TABLE %I ON COMMIT PRESERVE ROWS AS
    SELECT DISTINCT ON (1) ARRAY[%s] AS key, v.row FROM langfuse_rollout.archived_rows AS v
    WHERE v.rollback_id = %L AND v.relation = %L AND v.reason = %L ORDER BY 1, v.id DESC$sql$, name,
    (SELECT string_agg(format('v.row ->> %L', k), ', ' ORDER BY n) FROM unnest(key) WITH ORDINALITY AS l (k, n)),
    rollback_id, relation, format('the column %I is dropped', column_name));
  EXECUTE format('CREATE INDEX ON pg_temp.%I (key)', name);
  EXECUTE format('ANALYZE pg_temp.%I', name);
  RETURN name;
END
$toolbox$;

-- Returns the statements that insert deleted rows. The outcome names the columns that the table does not have.
CREATE OR REPLACE FUNCTION langfuse_rollout.inserts_of_rows(rollback_id text, relation text, target oid, keys text[])
RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  names text[];
  sources text[];
  without text;
BEGIN
  SELECT array_agg(a.attname::text ORDER BY a.attnum),
    array_agg(langfuse_rollout.archived_value(target, a.attname, 'a.row', k) ORDER BY a.attnum)
  INTO names, sources
  FROM unnest(keys) AS k
  JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = langfuse_rollout.current_name(rollback_id, relation, k)
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
  SELECT string_agg(format('CASE WHEN a.row -> %L <> ''null'' THEN %L END', k, k), ', ')
  INTO without
  FROM unnest(keys) AS k
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND NOT a.attisdropped
      AND a.attname = langfuse_rollout.current_name(rollback_id, relation, k));
  RETURN langfuse_rollout.inserts(target, 'langfuse_rollout.archived_rows', 'id', 'outcome', names, sources,
    format($sql$concat('restored', ' without ' || nullif(concat_ws(', ', %s), ''))$sql$, coalesce(without, 'NULL')));
END
$toolbox$;

-- Returns two statements. The first notes the rows that exist already, by primary key, or by all values in a table in
-- which nothing is unique. The second inserts the others.
CREATE OR REPLACE FUNCTION langfuse_rollout.inserts(
  target oid, source text, place text, outcome text, names text[], sources text[], restored text
)
RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  key text[] := langfuse_rollout.primary_key(target);
  is_loose boolean := NOT EXISTS (SELECT FROM pg_index WHERE indrelid = target AND indisunique);
  type text := CASE place WHEN 'id' THEN 'bigint[]' ELSE 'tid[]' END;
  part text := format($sql$SELECT a.%I AS place, %s AS outcome, %s FROM %s AS a WHERE a.%1$I = ANY ($1::%5$s)$sql$,
    place, restored, (SELECT string_agg(format('%s AS c%s', s, n), ', ') FROM unnest(sources) WITH ORDINALITY AS l (s, n)), source, type);
  same text := (SELECT format('(%s) IS NOT DISTINCT FROM (%s)',
    string_agg(format('ROW(this.%I)::text', name), ', '),
    string_agg(format('ROW(part.c%s::%s)::text', n, format_type(a.atttypid, a.atttypmod)), ', '))
    FROM unnest(names) WITH ORDINALITY AS l (name, n) JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = name);
  known text := CASE WHEN is_loose THEN same WHEN key <@ names THEN (
    SELECT string_agg(format('this.%I = part.c%s', name, n), ' AND ')
    FROM unnest(names) WITH ORDINALITY AS l (name, n) WHERE name = ANY (key)) ELSE 'false' END;
BEGIN
  RETURN ARRAY[
    format($sql$WITH part AS MATERIALIZED (%1$s)
      UPDATE %2$s AS a SET %3$I = CASE WHEN judged.is_same THEN 'already there' ELSE 'another row with its key is there' END
      FROM (SELECT part.place, %4$s AS is_same FROM part JOIN %5$s AS this ON %6$s) AS judged
      WHERE a.%7$I = judged.place$sql$, part, source, outcome, same, target::regclass, known, place),
    format($sql$WITH part AS MATERIALIZED (
        SELECT * FROM (%1$s) AS part WHERE NOT EXISTS (SELECT FROM %2$s AS this WHERE %3$s)
      ), put AS (
        INSERT INTO %2$s (%4$s) OVERRIDING SYSTEM VALUE SELECT %5$s FROM part RETURNING 1
      )
      UPDATE %6$s AS a SET %7$I = CASE (SELECT count(*) FROM put) WHEN (SELECT count(*) FROM part) THEN part.outcome
        ELSE 'a trigger of the table keeps rows out' END
      FROM part WHERE a.%8$I = part.place$sql$, part, target::regclass, known,
      (SELECT string_agg(quote_ident(name), ', ' ORDER BY n) FROM unnest(names) WITH ORDINALITY AS l (name, n)),
      (SELECT string_agg('part.c' || n, ', ' ORDER BY n) FROM unnest(names) WITH ORDINALITY AS l (name, n)),
      source, outcome, place)
  ];
END
$toolbox$;

-- Returns the statement that gives rows their archived values, where they still have what the rollback wrote or what a
-- column has that nobody has written. It changes all the values of a row, or none.
CREATE OR REPLACE FUNCTION langfuse_rollout.update_of_rows(
  rollback_id text, relation text, target oid, fixed text[], wanted text[], is_column boolean
)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  left_behind text := CASE WHEN is_column THEN 'a.row' ELSE '(a.row || a.written)' END;
  base text := CASE WHEN is_column THEN langfuse_rollout.untouched_value(target,
    langfuse_rollout.current_name(rollback_id, relation, wanted[1])) END;
  -- What is archived of a column differs from its default, so that NULL is not in there.
  has_null boolean := coalesce(base = 'NULL::text', false);
  parts text;
  settings text;
  is_back text;
  is_free text;
  joined text;
BEGIN
  SELECT string_agg(format('%s AS old%s, %s AS new%2$s',
      langfuse_rollout.archived_value(target, w.name, 'a.row', w.key, has_null), n,
      langfuse_rollout.archived_value(target, w.name, left_behind, w.key)), ', '),
    string_agg(format('%I = part.old%s', w.name, n), ', '),
    string_agg(format('this.%I::text IS NOT DISTINCT FROM part.old%s::%s::text', w.name, n,
      format_type(a.atttypid, a.atttypmod)), ' AND '),
    CASE WHEN is_column AND base IS NULL THEN 'false'
      WHEN is_column THEN format('this.%I::text IS NOT DISTINCT FROM %s', min(w.name), base)
      ELSE string_agg(format('this.%I::text IS NOT DISTINCT FROM part.new%s::%s::text', w.name, n,
        format_type(a.atttypid, a.atttypmod)), ' AND ') END
  INTO parts, settings, is_back, is_free
  FROM (
    SELECT k AS key, langfuse_rollout.current_name(rollback_id, relation, k) AS name, n
    FROM unnest(wanted) WITH ORDINALITY AS l (k, n)
  ) AS w JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = w.name;
  SELECT string_agg(format('%s AS key%s', langfuse_rollout.archived_value(target, k, left_behind, k), n), ', '),
    string_agg(format('this.%I = part.key%s', k, n), ' AND ')
  INTO base, joined
  FROM unnest(fixed) WITH ORDINALITY AS l (k, n);
  RETURN format($sql$
    WITH part AS MATERIALIZED (
      SELECT a.id, %1$s, %2$s FROM langfuse_rollout.archived_rows AS a WHERE a.id = ANY ($1::bigint[])
    ), found AS MATERIALIZED (
      SELECT part.id, this.ctid AS place, count(*) OVER (PARTITION BY part.id) AS places,
        row_number() OVER (PARTITION BY this.ctid ORDER BY part.id DESC) AS turn, %3$s AS is_back, %4$s AS is_free
      FROM part JOIN %5$s AS this ON %6$s
    ), put AS (
      UPDATE %5$s AS target SET %7$s FROM found JOIN part USING (id)
      WHERE target.ctid = found.place AND found.places = 1 AND found.turn = 1 AND found.is_free AND NOT found.is_back
      RETURNING part.id
    )
    UPDATE langfuse_rollout.archived_rows AS a SET outcome = CASE
      WHEN put.id IS NOT NULL THEN 'restored'
      WHEN judged.id IS NULL THEN 'the row is not there any more'
      WHEN judged.places > 1 THEN 'more than one row has its key now'
      WHEN judged.is_back THEN 'already there'
      WHEN judged.turn > 1 THEN 'the archive has a later value of the same row'
      WHEN NOT judged.is_free THEN %8$L
      ELSE 'someone was changing the row' END
    FROM part LEFT JOIN (SELECT DISTINCT ON (found.id) * FROM found) AS judged USING (id) LEFT JOIN put USING (id)
    WHERE a.id = part.id$sql$, parts, base, is_back, is_free, target::regclass, joined, settings,
    CASE WHEN NOT is_column THEN 'it has been changed since'
      WHEN langfuse_rollout.untouched_value(target, langfuse_rollout.current_name(rollback_id, relation, wanted[1])) IS NULL
      THEN 'its default is computed, so whether it has been written since is not known'
      ELSE 'it has another value than its default now' END);
END
$toolbox$;
