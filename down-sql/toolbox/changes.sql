-- Rename, add or change in place.

-- Renames a table. A second call finds nothing to do; when both names exist, PostgreSQL's error says so.
-- Takes ACCESS EXCLUSIVE on the table, for a moment.
CREATE OR REPLACE FUNCTION langfuse_rollout.rename_table(old text, new text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(old);
BEGIN
  IF place IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s RENAME TO %I', place::regclass, new::name);
  END IF;
END
$toolbox$;

-- Renames a column and notes that in the archive: values that are archived later have the older name.
-- Takes ACCESS EXCLUSIVE on the table, for a moment.
CREATE OR REPLACE FUNCTION langfuse_rollout.rename_column(relation text, old text, new text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, old) IS NOT NULL THEN
    PERFORM langfuse_rollout.note_definition(place::regclass::text, format('the column %I is renamed', old::name),
      jsonb_build_object('kind', 'renamed column', 'old', old::name, 'new', new::name));
    EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', place::regclass, old::name, new::name);
  END IF;
END
$toolbox$;

-- Renames an index; the name of a constraint that stands on it follows. Readers and writers do not wait.
CREATE OR REPLACE FUNCTION langfuse_rollout.rename_index(old text, new text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.relation_named(old, '{i,I}');
BEGIN
  IF place IS NULL THEN
    RAISE NOTICE 'there is no index public.%, nothing is done', quote_ident(old);
  ELSE
    EXECUTE format('ALTER INDEX %s RENAME TO %I', place::regclass, new::name);
  END IF;
END
$toolbox$;

-- Renames a constraint. Takes ACCESS EXCLUSIVE on the table, for a moment.
CREATE OR REPLACE FUNCTION langfuse_rollout.rename_constraint(relation text, old text, new text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = old::name) THEN
    EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', place::regclass, old::name, new::name);
  ELSE
    RAISE NOTICE 'there is no constraint % on %, nothing is done', quote_ident(old), quote_ident(relation);
  END IF;
END
$toolbox$;

-- Renames an enum. Locks no table.
CREATE OR REPLACE FUNCTION langfuse_rollout.rename_enum(old text, new text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.type_named(old);
BEGIN
  IF place IS NOT NULL THEN
    EXECUTE format('ALTER TYPE %s RENAME TO %I', place::regtype, new::name);
  END IF;
END
$toolbox$;

-- Adds a column unless it exists. Takes ACCESS EXCLUSIVE on the table; a constant default rewrites no row.
CREATE OR REPLACE FUNCTION langfuse_rollout.add_column(relation text, column_name text, definition text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL OR EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = place AND attname = column_name::name AND NOT attisdropped
  ) THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', place::regclass, column_name::name, definition);
END
$toolbox$;

-- Adds a constraint unless one of that name exists. Takes ACCESS EXCLUSIVE on the table, or for a foreign key
-- SHARE ROW EXCLUSIVE on both tables.
CREATE OR REPLACE FUNCTION langfuse_rollout.add_constraint(relation text, name text, definition text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = name::name) THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', place::regclass, name::name, definition);
END
$toolbox$;

-- Validates a constraint that was added NOT VALID. Readers and writers do not wait. Does nothing when the constraint or
-- its table is gone: an older migration of the same rollback may have dropped it.
CREATE OR REPLACE FUNCTION langfuse_rollout.validate_constraint(relation text, name text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = name::name) THEN
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', place::regclass, name::name);
  END IF;
END
$toolbox$;

-- Makes a column NOT NULL. Rows with NULL are archived and get the value of fill; without fill they are an error.
-- Takes ACCESS EXCLUSIVE on the table.
CREATE OR REPLACE FUNCTION langfuse_rollout.set_not_null(relation text, column_name text, fill text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
  number smallint := langfuse_rollout.column_named(place, column_name);
  missing bigint;
BEGIN
  IF number IS NULL OR (SELECT attnotnull FROM pg_attribute WHERE attrelid = place AND attnum = number) THEN
    RETURN;
  END IF;
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', place::regclass);
  IF fill IS NOT NULL THEN
    PERFORM langfuse_rollout.rewrite_rows(relation, format('%I = (%s)', column_name::name, fill),
      format('this.%I IS NULL', column_name::name), format('the older release needs a value in %I', column_name::name));
  END IF;
  EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', place::regclass, column_name::name);
EXCEPTION WHEN not_null_violation THEN
  EXECUTE format('SELECT count(*) FROM %s WHERE %I IS NULL', place::regclass, column_name::name) INTO missing;
  RAISE EXCEPTION 'the column % of % is NULL in % rows, which the older release cannot have', quote_ident(column_name),
    place::regclass, missing USING ERRCODE = 'not_null_violation', HINT = 'Give these rows a value, or delete them.';
END
$toolbox$;

-- Allows NULL in a column. Takes ACCESS EXCLUSIVE on the table, for a moment.
CREATE OR REPLACE FUNCTION langfuse_rollout.drop_not_null(relation text, column_name text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, column_name) IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', place::regclass, column_name::name);
  END IF;
END
$toolbox$;

-- Sets the default of a column, or removes it when expression is NULL. Takes ACCESS EXCLUSIVE on the table, for a moment.
CREATE OR REPLACE FUNCTION langfuse_rollout.set_default(relation text, column_name text, expression text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, column_name) IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I %s', place::regclass, column_name::name,
      coalesce('SET DEFAULT ' || expression, 'DROP DEFAULT'));
  END IF;
END
$toolbox$;
