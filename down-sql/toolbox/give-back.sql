-- Give back what an upgrade kept. A rollback's files call give_back_table, give_back_rows and give_back_column. Only a
-- complete manifest counts: without one they raise a NOTICE and do nothing.

-- Returns the columns of one table that another has too, as a list; as values, with the types of the other's columns.
-- Internal, as are all functions up to give_back_table.
CREATE OR REPLACE FUNCTION langfuse_rollout.shared_columns(source oid, target oid, as_values boolean)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT string_agg(CASE WHEN NOT as_values THEN quote_ident(t.attname)
      WHEN t.atttypid = s.atttypid THEN format('this.%I', t.attname)
      ELSE format('this.%I::%s::%s', t.attname, CASE WHEN y.typcategory = 'A' THEN 'text[]' ELSE 'text' END,
        format_type(t.atttypid, t.atttypmod)) END, ', ' ORDER BY t.attnum)
    FROM pg_attribute AS t JOIN pg_attribute AS s ON s.attrelid = source AND s.attname = t.attname AND NOT s.attisdropped
    JOIN pg_type AS y ON y.oid = t.atttypid
    WHERE t.attrelid = target AND t.attnum > 0 AND NOT t.attisdropped AND t.attgenerated = ''
  );
END
$toolbox$;

-- Moves a table that was moved aside, and its enums, back to public, where nothing has their names.
CREATE OR REPLACE FUNCTION langfuse_rollout.put_back(kept langfuse_rollout.kept)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  type record;
BEGIN
  FOR type IN SELECT key AS stored, value AS name FROM jsonb_each_text(kept.types) ORDER BY 1 LOOP
    EXECUTE format('DROP TYPE IF EXISTS public.%I', type.name);
    EXECUTE format('ALTER TYPE langfuse_rollout.%I SET SCHEMA public', type.stored);
    EXECUTE format('ALTER TYPE public.%I RENAME TO %I', type.stored, type.name);
  END LOOP;
  EXECUTE format('ALTER TABLE langfuse_rollout.%I SET SCHEMA public', kept.stored_as);
  EXECUTE format('ALTER TABLE public.%I RENAME TO %I', kept.stored_as, kept.relation);
END
$toolbox$;

-- Returns the newest manifest of what the migration being undone deleted, if it is complete and not given back.
CREATE OR REPLACE FUNCTION langfuse_rollout.kept_of(kinds text[], relation text, column_name text)
RETURNS langfuse_rollout.kept
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept;
BEGIN
  -- A deploy that ended after its migrations may have left it open.
  PERFORM langfuse_rollout.close_keep(langfuse_rollout.setting('migration'));
  SELECT k.* INTO kept FROM langfuse_rollout.kept AS k
  WHERE k.migration = langfuse_rollout.setting('migration') AND k.relation = relation AND k.kind = ANY (kinds)
    AND k.column_name IS NOT DISTINCT FROM column_name ORDER BY k.id DESC LIMIT 1;
  IF kept.given_back_at IS NOT NULL OR kept.id IS NOT NULL AND kept.rows = 0 AND kept.problem IS NULL THEN RETURN NULL; END IF;
  IF kept.closed_at IS NULL OR kept.problem IS NOT NULL THEN
    RAISE NOTICE 'nothing comes back to public.%: %', quote_ident(relation), coalesce(kept.problem, 'nothing was kept');
    RETURN NULL;
  END IF;
  RETURN kept;
END
$toolbox$;

-- Moves a table that was moved aside back as a whole, with all that it had. A copy comes back by give_back_rows.
CREATE OR REPLACE FUNCTION langfuse_rollout.give_back_table(relation text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept := langfuse_rollout.kept_of('{table}', relation, NULL);
BEGIN
  IF kept.how IS DISTINCT FROM 'moved' OR langfuse_rollout.relation_named(relation, '{r,p,v,m,f}') IS NOT NULL THEN RETURN; END IF;
  PERFORM langfuse_rollout.put_back(kept);
  UPDATE langfuse_rollout.kept AS k SET given_back_at = now(), stored_as = NULL, types = '{}' WHERE k.id = kept.id;
EXCEPTION WHEN dependent_objects_still_exist THEN
  RAISE NOTICE 'public.% comes back by its rows: %', quote_ident(relation), SQLERRM;
END
$toolbox$;

-- Inserts kept rows, or those of a table that did not come back as a whole; a batch in each call. Rows whose place is
-- taken, or that refer to what is gone, go to the archive.
CREATE OR REPLACE FUNCTION langfuse_rollout.give_back_rows(relation text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept := langfuse_rollout.kept_of('{rows,table}', relation, NULL);
  place oid := langfuse_rollout.table_named(relation);
  stored regclass := langfuse_rollout.copy_named(kept.stored_as);
  parents text := (
    SELECT string_agg(format(' AND (num_nulls(%s) > 0 OR EXISTS (SELECT FROM %s AS parent WHERE (%s) = (%1$s)))',
      p.mine, p.name, p.theirs), '')
    FROM (
      SELECT c.confrelid::regclass AS name, string_agg(format('this.%I', a.attname), ', ' ORDER BY n) AS mine,
        string_agg(format('parent.%I', b.attname), ', ' ORDER BY n) AS theirs
      FROM pg_constraint AS c CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (attnum, theirs, n)
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
      JOIN pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = k.theirs
      WHERE c.conrelid = place AND c.contype = 'f' AND c.confrelid <> place GROUP BY c.oid
    ) AS p);
  sql text;
BEGIN
  IF stored IS NULL OR place IS NULL THEN RETURN; END IF;
  EXECUTE format(E'INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s AS this WHERE (%s)%s\n ON CONFLICT DO NOTHING',
    place::regclass, langfuse_rollout.shared_columns(stored, place, false),
    langfuse_rollout.shared_columns(stored, place, true), stored,
    langfuse_rollout.next_batch(stored, 'true', 'give back'), parents);
  IF langfuse_rollout.is_more() THEN RETURN; END IF;
  EXECUTE format($sql$
    INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row)
    SELECT $1, $2, $3, 'it was kept, but its place is taken or what it refers to is gone', 'row', %s
    FROM %s AS this WHERE NOT EXISTS (SELECT FROM %s AS there WHERE %s)$sql$,
    langfuse_rollout.row_as_json(stored, NULL), stored, place::regclass, langfuse_rollout.same_key(stored))
  USING langfuse_rollout.setting('rollback_id'), kept.migration, place::regclass::text;
  EXECUTE format('TRUNCATE %s', stored);
  FOREACH sql IN ARRAY kept.extras LOOP
    BEGIN
      EXECUTE sql;
    EXCEPTION WHEN OTHERS THEN
      RAISE NOTICE '% does not come back: %', sql, SQLERRM;
    END;
  END LOOP;
  UPDATE langfuse_rollout.kept AS k SET given_back_at = now() WHERE k.id = kept.id;
END
$toolbox$;

-- Sets the kept values of a column where it is NULL; a batch in each call.
CREATE OR REPLACE FUNCTION langfuse_rollout.give_back_column(relation text, column_name text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1
SET enable_hashjoin = off SET enable_mergejoin = off
AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept := langfuse_rollout.kept_of('{column}', relation, column_name);
  place oid := langfuse_rollout.table_named(relation);
  number smallint := langfuse_rollout.column_named(place, column_name);
  stored regclass := langfuse_rollout.copy_named(kept.stored_as);
BEGIN
  IF stored IS NULL OR number IS NULL THEN RETURN; END IF;
  -- The batch first: PostgreSQL would rather go through the whole table for the few rows that it takes to be NULL.
  EXECUTE format($sql$
    WITH part AS MATERIALIZED (SELECT * FROM %1$s AS this WHERE (%2$s))
    UPDATE %3$s AS there SET %4$I = coalesce(there.%4$I, this.%4$I::%5$s) FROM part AS this WHERE %6$s$sql$,
    stored, langfuse_rollout.next_batch(stored, 'true', 'give back'), place::regclass, column_name,
    (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = place AND attnum = number),
    langfuse_rollout.same_key(stored));
  IF langfuse_rollout.is_more() THEN RETURN; END IF;
  EXECUTE format('TRUNCATE %s', stored);
  UPDATE langfuse_rollout.kept AS k SET given_back_at = now() WHERE k.id = kept.id;
END
$toolbox$;

-- Drops for good what was closed before, and what is left of what was given back; a table in each call. What something
-- else depends on stays. By hand: SELECT langfuse_rollout.drop_kept(now());
CREATE OR REPLACE FUNCTION langfuse_rollout.drop_kept(before timestamptz, migration text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept;
  stored regclass;
  type text;
BEGIN
  FOR kept IN SELECT * FROM langfuse_rollout.kept AS k
    WHERE (k.closed_at < before OR k.given_back_at IS NOT NULL) AND k.migration = coalesce(migration, k.migration) ORDER BY k.id
  LOOP
    CONTINUE WHEN kept.migration ~ '^\d{4}$' AND kept.given_back_at IS NULL; -- it is in ClickHouse
    stored := langfuse_rollout.copy_named(kept.stored_as);
    BEGIN
      IF stored IS NOT NULL THEN
        PERFORM langfuse_rollout.lock_table(stored, 'ACCESS EXCLUSIVE');
        EXECUTE format('DROP TABLE %s', stored);
      END IF;
      FOR type IN SELECT jsonb_object_keys(kept.types) LOOP
        EXECUTE format('DROP TYPE IF EXISTS langfuse_rollout.%I', type);
      END LOOP;
      DELETE FROM langfuse_rollout.kept AS k WHERE k.id = kept.id;
      PERFORM set_config('langfuse_rollout.more', 'yes', true);
      EXIT WHEN langfuse_rollout.is_more();
    EXCEPTION WHEN dependent_objects_still_exist THEN
      RAISE NOTICE 'langfuse_rollout.% stays: %', quote_ident(kept.stored_as), SQLERRM;
    END;
  END LOOP;
END
$toolbox$;
