-- Find things by their names. Internal: the other functions of the toolbox call these.

-- Returns a setting that the rollback has made: its id ('rollback_id') or the migration that is undone ('migration').
-- An error when it is not set: down SQL does not run outside a rollback.
CREATE OR REPLACE FUNCTION langfuse_rollout.setting(name text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  found text := current_setting('langfuse_rollout.' || name, true);
BEGIN
  IF coalesce(found, '') = '' THEN
    RAISE EXCEPTION 'langfuse_rollout.% is not set', name
      USING HINT = 'Down SQL is run by a rollback, which sets langfuse_rollout.rollback_id and .migration first.';
  END IF;
  RETURN found;
END
$toolbox$;

-- Returns the relation of that name and kind in public, or NULL. The cast cuts a name to 63 bytes, as PostgreSQL does.
CREATE OR REPLACE FUNCTION langfuse_rollout.relation_named(name text, kinds "char"[])
RETURNS oid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname = name::name AND c.relkind = ANY (kinds)
  );
END
$toolbox$;

-- Returns the table of that name in public, or NULL with a NOTICE.
CREATE OR REPLACE FUNCTION langfuse_rollout.table_named(name text)
RETURNS oid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  found oid := langfuse_rollout.relation_named(name, '{r,p}');
BEGIN
  IF found IS NULL THEN RAISE NOTICE 'there is no table public.%, nothing is done', quote_ident(name); END IF;
  RETURN found;
END
$toolbox$;

-- Returns the number of a column, or NULL with a NOTICE. No NOTICE when the table itself is missing: table_named gave it.
CREATE OR REPLACE FUNCTION langfuse_rollout.column_named(relation oid, name text)
RETURNS smallint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  found smallint := (
    SELECT attnum FROM pg_attribute
    WHERE attrelid = relation AND attname = name::name AND attnum > 0 AND NOT attisdropped
  );
BEGIN
  IF found IS NULL AND relation IS NOT NULL THEN
    RAISE NOTICE 'there is no column % in %, nothing is done', quote_ident(name), relation::regclass;
  END IF;
  RETURN found;
END
$toolbox$;

-- Returns the enum of that name in public, or NULL with a NOTICE.
CREATE OR REPLACE FUNCTION langfuse_rollout.type_named(name text)
RETURNS oid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  found oid := (
    SELECT t.oid FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname = 'public' AND t.typname = name::name AND t.typtype = 'e'
  );
BEGIN
  IF found IS NULL THEN RAISE NOTICE 'there is no enum public.%, nothing is done', quote_ident(name); END IF;
  RETURN found;
END
$toolbox$;

-- Returns the labels of an enum in their order.
CREATE OR REPLACE FUNCTION langfuse_rollout.labels_of(type oid)
RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = type);
END
$toolbox$;

-- Returns the columns of a table's primary key, or NULL.
CREATE OR REPLACE FUNCTION langfuse_rollout.primary_key(relation oid)
RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = relation AND i.indisprimary
  );
END
$toolbox$;

-- Returns a name that neither public nor langfuse_rollout uses: wanted, a number, and the suffix.
CREATE OR REPLACE FUNCTION langfuse_rollout.free_name(wanted text, suffix text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  stem text := wanted::name;
  candidate text;
BEGIN
  FOR number IN 1 .. 1000000 LOOP
    -- PostgreSQL puts another _ before the name of its array type, and cuts at 63 bytes.
    WHILE octet_length(stem || '_' || number || suffix) > 62 LOOP
      stem := left(stem, -1);
    END LOOP;
    candidate := stem || '_' || number || suffix;
    IF NOT EXISTS (
      SELECT FROM pg_namespace AS n
      WHERE n.nspname IN ('public', 'langfuse_rollout') AND (
        EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = candidate)
        OR EXISTS (SELECT FROM pg_type AS t
          WHERE t.typnamespace = n.oid AND t.typname IN (candidate, '_' || candidate))
      )
    ) THEN
      RETURN candidate;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'there is no free name for % in the archive', wanted;
END
$toolbox$;
