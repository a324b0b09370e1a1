-- What down SQL files call in their phase keep, and how deploy ends it: close_keep when the migrations have run,
-- reverse_keep when they have not.

-- Copies the rows that meet a condition, a batch in each call: whole rows, or the key and one column. The first call only
-- makes the copy and the trigger on the table, which takes SHARE ROW EXCLUSIVE on it and on those it refers to, for a
-- moment. The copy stores enums as text, so that it hinders no migration. Internal.
CREATE OR REPLACE FUNCTION langfuse_rollout.copy_aside(kept langfuse_rollout.kept, condition text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(kept.relation);
  key text[] := langfuse_rollout.primary_key(place);
  stored text := coalesce(kept.stored_as, langfuse_rollout.free_name('kept__' || kept.relation, ''));
  columns text;
  counted bigint;
  part record;
BEGIN
  IF kept.kept_at IS NOT NULL THEN RETURN; END IF;
  IF place IS NULL OR kept.kind = 'column' AND langfuse_rollout.column_named(place, kept.column_name) IS NULL THEN
    PERFORM langfuse_rollout.end_keep(kept.id, 0, NULL);
    RETURN;
  END IF;
  IF key IS NULL THEN
    PERFORM langfuse_rollout.end_keep(kept.id, 0, format('%s has no primary key', place::regclass));
    RETURN;
  END IF;
  IF kept.stored_as IS NULL THEN
    SELECT string_agg(format('%I %s', a.attname, CASE WHEN t.typtype = 'e' THEN 'text' WHEN e.typtype = 'e' THEN 'text[]'
        ELSE format_type(a.atttypid, a.atttypmod) END), ', ' ORDER BY a.attnum)
    INTO columns
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
    WHERE a.attrelid = place AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND (kept.kind <> 'column' OR a.attname::text = ANY (key || kept.column_name));
    -- A vacuum of the copy would hinder its end, and its end those who use what it refers to.
    EXECUTE format('CREATE TABLE langfuse_rollout.%I (%s, PRIMARY KEY (%s)) WITH (autovacuum_enabled = false)', stored, columns,
      (SELECT string_agg(quote_ident(name), ', ') FROM unnest(key) AS name));
    -- What a user deletes with its project goes from the copy too. A table whose rows the migration deletes takes none.
    FOR part IN
      SELECT pg_get_constraintdef(c.oid) AS definition,
        (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n) FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, n)
         JOIN pg_attribute AS a ON a.attrelid = place AND a.attnum = k.attnum) AS columns
      FROM pg_constraint AS c JOIN pg_class AS p ON p.oid = c.confrelid
      WHERE kept.kind <> 'column' AND c.conrelid = place AND c.contype = 'f' AND c.convalidated AND c.confrelid <> place
        AND NOT EXISTS (SELECT FROM langfuse_rollout.kept AS k
          WHERE k.migration = kept.migration AND k.relation = p.relname AND k.closed_at IS NULL)
      ORDER BY c.confrelid::regclass::text, c.conname
    LOOP
      EXECUTE format('ALTER TABLE langfuse_rollout.%I ADD %s', stored, part.definition);
      EXECUTE format('CREATE INDEX ON langfuse_rollout.%I (%s)', stored, part.columns);
    END LOOP;
    EXECUTE format('CREATE TRIGGER langfuse_rollout_keep_%s AFTER INSERT OR UPDATE OR DELETE ON %s
      FOR EACH ROW EXECUTE FUNCTION langfuse_rollout.carry_write(%1$s, %3$L)', kept.id, place::regclass,
      format('langfuse_rollout.%I', stored));
    UPDATE langfuse_rollout.kept AS k SET how = 'copied', stored_as = stored,
      extras = CASE WHEN kept.kind = 'table' THEN langfuse_rollout.extras_of(place) ELSE '{}' END WHERE k.id = kept.id;
    PERFORM set_config('langfuse_rollout.more', 'yes', true);
    IF langfuse_rollout.is_more() THEN RETURN; END IF;
  END IF;
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
  WHERE attrelid = format('langfuse_rollout.%I', stored)::regclass AND attnum > 0;
  -- FOR KEY SHARE: a row that somebody is deleting is waited for, and one that is gone is not copied.
  EXECUTE format($sql$
    WITH part AS MATERIALIZED (SELECT %1$s FROM %2$s AS this WHERE (%3$s
    ) FOR KEY SHARE OF this)
    INSERT INTO langfuse_rollout.%4$I (%1$s) SELECT * FROM part ON CONFLICT DO NOTHING$sql$,
    columns, place::regclass, langfuse_rollout.next_batch(place, condition, 'keep ' || kept.id), stored);
  IF langfuse_rollout.is_more() THEN RETURN; END IF;
  EXECUTE format('SELECT count(*) FROM langfuse_rollout.%I', stored) INTO counted;
  PERFORM langfuse_rollout.end_keep(kept.id, counted, NULL);
END
$toolbox$;

-- Keeps a table as a whole, which must be one that the running release neither reads nor writes: it is moved aside. Where
-- others stand in the way of that, it is copied (keep_table_copy).
CREATE OR REPLACE FUNCTION langfuse_rollout.keep_table(relation text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept := langfuse_rollout.begin_keep('table', relation, NULL);
  place oid := langfuse_rollout.table_named(relation);
  reason text := langfuse_rollout.why_not_moved(place);
  is_empty boolean := true;
BEGIN
  IF kept.kept_at IS NOT NULL THEN RETURN; END IF;
  IF reason IS NOT NULL OR kept.how = 'copied' THEN
    RAISE NOTICE '% is copied, not moved: %', place::regclass, coalesce(reason, 'the copy was begun before');
    PERFORM langfuse_rollout.copy_aside(kept, 'true');
    RETURN;
  END IF;
  IF place IS NOT NULL THEN EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', place::regclass) INTO is_empty; END IF;
  IF is_empty THEN
    PERFORM langfuse_rollout.end_keep(kept.id, 0, NULL);
  ELSE
    PERFORM langfuse_rollout.move_aside(kept.id, place);
  END IF;
END
$toolbox$;

-- Keeps a table as a whole by copying it; what the running release writes meanwhile is in the copy.
CREATE OR REPLACE FUNCTION langfuse_rollout.keep_table_copy(relation text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  PERFORM langfuse_rollout.copy_aside(langfuse_rollout.begin_keep('table', relation, NULL), 'true');
END
$toolbox$;

-- Keeps the rows that meet the condition, and any other that the migration deletes.
CREATE OR REPLACE FUNCTION langfuse_rollout.keep_rows(relation text, condition text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  PERFORM langfuse_rollout.copy_aside(langfuse_rollout.begin_keep('rows', relation, NULL), condition);
END
$toolbox$;

-- Keeps the values of a column, each with its row's key.
CREATE OR REPLACE FUNCTION langfuse_rollout.keep_column(relation text, column_name text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  PERFORM langfuse_rollout.copy_aside(langfuse_rollout.begin_keep('column', relation, column_name),
    format('this.%I IS NOT NULL', column_name));
END
$toolbox$;

-- Returns the condition that two rows, this and there, have the key of a copy. Internal.
CREATE OR REPLACE FUNCTION langfuse_rollout.same_key(copy oid)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (SELECT string_agg(format('there.%1$I = this.%1$I', name), ' AND ')
    FROM unnest(langfuse_rollout.primary_key(copy)) AS name);
END
$toolbox$;

-- The migration has run: the triggers go, a copy of rows keeps only what the migration deleted, and all is counted. What
-- the migration has not deleted stays open. A table in each call, because it takes ACCESS EXCLUSIVE on one with a trigger.
CREATE OR REPLACE FUNCTION langfuse_rollout.close_keep(migration text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept;
  place oid;
  stored regclass;
  counted bigint;
BEGIN
  FOR kept IN SELECT * FROM langfuse_rollout.kept AS k WHERE k.migration = migration AND k.closed_at IS NULL ORDER BY k.id
  LOOP
    place := langfuse_rollout.relation_named(kept.relation, '{r,p}');
    stored := langfuse_rollout.copy_named(kept.stored_as);
    counted := 0;
    IF stored IS NOT NULL THEN
      IF place IS NOT NULL THEN
        IF kept.kind = 'table' OR kept.kind = 'column' AND EXISTS (SELECT FROM pg_attribute
          WHERE attrelid = place AND attname = kept.column_name AND NOT attisdropped)
        THEN
          RAISE NOTICE '% still has what % deletes: it stays open', place::regclass, migration;
          CONTINUE;
        END IF;
      END IF;
      IF kept.kind = 'column' THEN
        EXECUTE format('DELETE FROM %s WHERE %I IS NULL', stored, kept.column_name);
      ELSIF kept.kind = 'rows' AND place IS NOT NULL THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', place::regclass);
        EXECUTE format('DELETE FROM %s AS this USING %s AS there WHERE %s', stored, place::regclass,
          langfuse_rollout.same_key(stored));
      END IF;
      EXECUTE format('SELECT count(*) FROM %s', stored) INTO counted;
      -- After the count of a column, so that nobody waits for it.
      IF place IS NOT NULL THEN
        EXECUTE format('DROP TRIGGER IF EXISTS langfuse_rollout_keep_%s ON %s', kept.id, place::regclass);
      END IF;
    END IF;
    PERFORM langfuse_rollout.end_keep(kept.id, counted,
      CASE WHEN kept.kept_at IS NULL THEN 'the migration ran before all was copied'
        WHEN kept.kind = 'rows' AND kept.rows > 0 AND counted = 0 THEN 'its rows were deleted without the lock of Prisma' END);
    UPDATE langfuse_rollout.kept AS k SET closed_at = now(), kept_at = kept.kept_at WHERE k.id = kept.id;
    PERFORM set_config('langfuse_rollout.more', 'yes', true);
    EXIT WHEN langfuse_rollout.is_more();
  END LOOP;
END
$toolbox$;

-- The migration has not run: what was moved comes back with what the twin got, triggers and then copies go. What the
-- migration has deleted after all stays kept and open. A table in each call, because it takes ACCESS EXCLUSIVE on it, or
-- for a table that was moved and for a copy on those it refers to.
CREATE OR REPLACE FUNCTION langfuse_rollout.reverse_keep(migration text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  kept langfuse_rollout.kept;
  place oid;
  stored regclass;
  is_needed boolean;
BEGIN
  FOR kept IN
    SELECT * FROM langfuse_rollout.kept AS k WHERE k.migration = migration AND k.closed_at IS NULL ORDER BY k.id DESC
  LOOP
    place := langfuse_rollout.relation_named(kept.relation, '{r,p}');
    stored := langfuse_rollout.copy_named(kept.stored_as);
    is_needed := stored IS NOT NULL AND (place IS NULL OR kept.kind = 'column' AND NOT EXISTS (
      SELECT FROM pg_attribute WHERE attrelid = place AND attname = kept.column_name AND NOT attisdropped));
    IF kept.kind = 'rows' AND stored IS NOT NULL AND place IS NOT NULL THEN
      EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', place::regclass);
      EXECUTE format('SELECT EXISTS (SELECT FROM %s AS this WHERE NOT EXISTS (SELECT FROM %s AS there WHERE %s))',
        stored, place::regclass, langfuse_rollout.same_key(stored)) INTO is_needed;
    END IF;
    IF is_needed THEN
      RAISE NOTICE '% has deleted what is kept of public.%: it stays open', migration, quote_ident(kept.relation);
      CONTINUE;
    END IF;
    IF kept.how = 'moved' THEN
      PERFORM langfuse_rollout.lock_table(place, 'ACCESS EXCLUSIVE');
      EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s AS this ON CONFLICT DO NOTHING', stored,
        langfuse_rollout.shared_columns(place, stored, false), langfuse_rollout.shared_columns(place, stored, true),
        place::regclass);
      EXECUTE format('DROP TABLE %s', place::regclass);
      PERFORM langfuse_rollout.put_back(kept);
    ELSIF stored IS NOT NULL THEN
      EXECUTE format('DROP TRIGGER IF EXISTS langfuse_rollout_keep_%s ON %s', kept.id, place::regclass);
    END IF;
    UPDATE langfuse_rollout.kept AS k SET closed_at = now(), given_back_at = now(), types = '{}',
      stored_as = CASE WHEN kept.how = 'copied' THEN k.stored_as END WHERE k.id = kept.id;
    PERFORM set_config('langfuse_rollout.more', 'yes', true);
    IF langfuse_rollout.is_more() THEN RETURN; END IF;
  END LOOP;
  PERFORM langfuse_rollout.drop_kept('-infinity', migration);
END
$toolbox$;
