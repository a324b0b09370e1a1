import type { SqlFunction } from './sql-function.ts'

/** Finds things by name, for the other functions: all are internal. */
export const lookUp: readonly SqlFunction[] = [
  {
    signature: 'setting(name text)',
    returns: 'text',
    comment: 'Internal: rollback_id or migration.',
    body: `
DECLARE
  found text := current_setting('langfuse_rollout.' || name, true);
BEGIN
  IF coalesce(found, '') = '' THEN
    RAISE EXCEPTION 'langfuse_rollout.% is not set', name
      USING HINT = 'Down SQL is run by a rollback, which sets langfuse_rollout.rollback_id and .migration first.';
  END IF;
  RETURN found;
END`,
  },
  {
    signature: 'relation_named(name text, kinds "char"[])',
    returns: 'oid',
    comment:
      'Internal: the relation of public, or NULL. The cast cuts a name to 63 bytes, as PostgreSQL does.',
    body: `
BEGIN
  RETURN (
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname = name::name AND c.relkind = ANY (kinds)
  );
END`,
  },
  {
    signature: 'table_named(name text)',
    returns: 'oid',
    comment: 'Internal: the table of public; a NOTICE and NULL when it is not there.',
    body: `
DECLARE
  found oid := langfuse_rollout.relation_named(name, '{r,p}');
BEGIN
  IF found IS NULL THEN RAISE NOTICE 'there is no table public.%, nothing is done', quote_ident(name); END IF;
  RETURN found;
END`,
  },
  {
    signature: 'column_named(relation oid, name text)',
    returns: 'smallint',
    comment:
      'Internal: the number of the column; NULL, and a NOTICE unless its table is missing, when it is not there.',
    body: `
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
END`,
  },
  {
    signature: 'type_named(name text)',
    returns: 'oid',
    comment: 'Internal: the enum of public; a NOTICE and NULL when it is not there.',
    body: `
DECLARE
  found oid := (
    SELECT t.oid FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname = 'public' AND t.typname = name::name AND t.typtype = 'e'
  );
BEGIN
  IF found IS NULL THEN RAISE NOTICE 'there is no enum public.%, nothing is done', quote_ident(name); END IF;
  RETURN found;
END`,
  },
  {
    signature: 'labels_of(type oid)',
    returns: 'text[]',
    comment: 'Internal: the labels of an enum in their order.',
    body: `
BEGIN
  RETURN (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = type);
END`,
  },
  {
    signature: 'primary_key(relation oid)',
    returns: 'text[]',
    comment: 'Internal: the columns of the primary key, or NULL.',
    body: `
BEGIN
  RETURN (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = relation AND i.indisprimary
  );
END`,
  },
  {
    signature: 'free_name(wanted text, suffix text)',
    returns: 'text',
    comment:
      'Internal: wanted, a number and the suffix, as a name that neither public nor langfuse_rollout has.',
    body: `
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
END`,
  },
]
