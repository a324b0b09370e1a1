import type { SqlFunction } from './sql-function.ts'

/** Renames, and what is added or changed in place. */
export const changes: readonly SqlFunction[] = [
  {
    signature: 'rename_table(old text, new text)',
    returns: 'void',
    comment: 'Renames a table. A second call finds nothing to do; when both are there, PostgreSQL says so.',
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(old);
BEGIN
  IF place IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s RENAME TO %I', place::regclass, new::name);
  END IF;
END`,
  },
  {
    signature: 'rename_column(relation text, old text, new text)',
    returns: 'void',
    comment: 'Renames a column, and remembers it: what is archived after that has the older name.',
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, old) IS NOT NULL THEN
    PERFORM langfuse_rollout.note_definition(place::regclass::text, format('the column %I is renamed', old::name),
      jsonb_build_object('kind', 'renamed column', 'old', old::name, 'new', new::name));
    EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', place::regclass, old::name, new::name);
  END IF;
END`,
  },
  {
    signature: 'rename_index(old text, new text)',
    returns: 'void',
    comment: 'Renames an index, also that of a constraint, whose name follows.',
    body: `
DECLARE
  place oid := langfuse_rollout.relation_named(old, '{i,I}');
BEGIN
  IF place IS NULL THEN
    RAISE NOTICE 'there is no index public.%, nothing is done', quote_ident(old);
  ELSE
    EXECUTE format('ALTER INDEX %s RENAME TO %I', place::regclass, new::name);
  END IF;
END`,
  },
  {
    signature: 'rename_constraint(relation text, old text, new text)',
    returns: 'void',
    comment: 'Renames a constraint.',
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = old::name) THEN
    EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', place::regclass, old::name, new::name);
  ELSE
    RAISE NOTICE 'there is no constraint % on %, nothing is done', quote_ident(old), quote_ident(relation);
  END IF;
END`,
  },
  {
    signature: 'rename_enum(old text, new text)',
    returns: 'void',
    comment: 'Renames an enum.',
    body: `
DECLARE
  place oid := langfuse_rollout.type_named(old);
BEGIN
  IF place IS NOT NULL THEN
    EXECUTE format('ALTER TYPE %s RENAME TO %I', place::regtype, new::name);
  END IF;
END`,
  },
  {
    signature: 'add_column(relation text, column_name text, definition text)',
    returns: 'void',
    comment: 'Adds a column that is missing.',
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL OR EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = place AND attname = column_name::name AND NOT attisdropped
  ) THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', place::regclass, column_name::name, definition);
END`,
  },
  {
    signature: 'add_constraint(relation text, name text, definition text)',
    returns: 'void',
    comment: 'Adds a constraint that is missing; one of that name is left as it is.',
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF place IS NULL OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = name::name) THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', place::regclass, name::name, definition);
END`,
  },
  {
    signature: 'validate_constraint(relation text, name text)',
    returns: 'void',
    comment: `Validates a constraint that is NOT VALID. For the validate phase: by then an older migration of the same
rollback may have taken the constraint or its table away.`,
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = place AND conname = name::name) THEN
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', place::regclass, name::name);
  END IF;
END`,
  },
  {
    signature: 'set_not_null(relation text, column_name text, fill text)',
    returns: 'void',
    comment:
      'Makes a column NOT NULL. Rows with NULL are archived and get fill; where fill is NULL they are an error.',
    body: `
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
END`,
  },
  {
    signature: 'drop_not_null(relation text, column_name text)',
    returns: 'void',
    comment: 'Lets a column be NULL.',
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, column_name) IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', place::regclass, column_name::name);
  END IF;
END`,
  },
  {
    signature: 'set_default(relation text, column_name text, expression text)',
    returns: 'void',
    comment: 'Sets the default of a column, or takes it away when NULL.',
    body: `
DECLARE
  place oid := langfuse_rollout.table_named(relation);
BEGIN
  IF langfuse_rollout.column_named(place, column_name) IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I %s', place::regclass, column_name::name,
      coalesce('SET DEFAULT ' || expression, 'DROP DEFAULT'));
  END IF;
END`,
  },
]
