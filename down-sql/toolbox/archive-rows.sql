-- Put rows and definitions into the archive. Internal: the other functions of the toolbox call these.

-- Returns the SQL that turns the row `this` into jsonb: these columns, or all of them when columns is NULL.
-- A value of type json is kept as its text: jsonb would reorder its keys, and it refuses \u0000.
CREATE OR REPLACE FUNCTION langfuse_rollout.row_as_json(relation oid, columns text[])
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  list text;
BEGIN
  IF columns IS NULL AND NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = relation AND atttypid = 'json'::regtype AND NOT attisdropped
  ) THEN
    RETURN 'to_jsonb(this.*)';
  END IF;
  SELECT string_agg(format(CASE WHEN a.atttypid = 'json'::regtype THEN 'this.%1$I::text AS %1$I' ELSE 'this.%I' END,
    a.attname), ', ' ORDER BY a.attnum)
  INTO list
  FROM pg_attribute AS a
  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    AND (columns IS NULL OR a.attname::text = ANY (columns));
  RETURN format('(SELECT to_jsonb(kept.*) FROM (SELECT %s) AS kept)', list);
END
$toolbox$;

-- Archives the definition of an object that is about to go, so that a person can make it again. A second call adds nothing.
CREATE OR REPLACE FUNCTION langfuse_rollout.note_definition(relation text, reason text, definition jsonb)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row)
  SELECT langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), relation, reason,
    'definition', definition
  WHERE NOT EXISTS (
    SELECT FROM langfuse_rollout.archived_rows AS known
    WHERE known.rollback_id = langfuse_rollout.setting('rollback_id')
      AND known.migration = langfuse_rollout.setting('migration')
      AND known.relation = relation AND known.kind = 'definition' AND known.row = definition
  );
END
$toolbox$;

-- An error unless the archive received every row: nothing may be dropped, deleted or rewritten before.
CREATE OR REPLACE FUNCTION langfuse_rollout.check_archived(relation oid, there bigint, kept bigint)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  IF kept IS DISTINCT FROM there THEN
    RAISE EXCEPTION 'the archive received % of % rows of %, so nothing of them is dropped', kept, there, relation::regclass
      USING HINT = 'A trigger or a rule on langfuse_rollout.archived_rows keeps rows out: drop it, and start again.';
  END IF;
END
$toolbox$;

-- Archives the rows that meet a condition and returns their number: these columns with the primary key, or whole rows
-- when columns is NULL or the table has no key. Unless again, a row that this migration has archived is not archived twice.
-- written is SQL for what replaces the columns, as jsonb, or NULL. Only reads the table.
CREATE OR REPLACE FUNCTION langfuse_rollout.archive_matching(
  relation oid, condition text, reason text, columns text[], again boolean, written text
)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  key text[] := langfuse_rollout.primary_key(relation);
  kind text := CASE WHEN columns IS NULL OR key IS NULL THEN 'row' ELSE 'values' END;
  picked text := langfuse_rollout.row_as_json(relation, CASE WHEN kind = 'values' THEN key || columns END);
  -- What restore has put back already is no copy of what is there now.
  candidates text := format($sql$(SELECT %s AS row, %s AS written FROM %s AS this WHERE (%s
    )) AS candidate %s$sql$, picked, coalesce(written, 'NULL::jsonb'), relation::regclass, condition, CASE WHEN NOT again THEN $sql$
    WHERE NOT EXISTS (
      SELECT FROM langfuse_rollout.archived_rows AS known
      WHERE known.rollback_id = $1 AND known.migration = $2 AND known.relation = $3
        AND known.kind = $5 AND known.outcome IS NULL AND known.row = candidate.row
    )$sql$ END);
  there bigint;
  copied bigint;
BEGIN
  -- In one statement, because both counts have to be of the same moment.
  EXECUTE format($sql$
    WITH kept AS (
      INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row, written)
      SELECT $1, $2, $3, $4, $5, candidate.row, candidate.written FROM %1$s
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM %1$s), (SELECT count(*) FROM kept)$sql$, candidates)
  INTO there, copied
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), relation::regclass::text,
    reason, kind;
  PERFORM langfuse_rollout.check_archived(relation, there, copied);
  RETURN copied;
END
$toolbox$;

-- Archives the rows of other tables that a foreign key's ON DELETE CASCADE, SET NULL or SET DEFAULT would delete or
-- change together with the rows of relation that meet the condition.
CREATE OR REPLACE FUNCTION langfuse_rollout.archive_referrers(relation oid, condition text, reason text, path oid[])
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  key record;
  theirs text;
BEGIN
  FOR key IN
    SELECT c.conrelid AS child, c.confdeltype AS action,
      (SELECT string_agg(format('this.%I', a.attname), ', ' ORDER BY n)
       FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, n)
       JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS referring,
      (SELECT string_agg(format('this.%I', a.attname), ', ' ORDER BY n)
       FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, n)
       JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS referred,
      (SELECT format('%L::jsonb', jsonb_object_agg(a.attname, NULL::text))
       FROM pg_attribute AS a
       WHERE c.confdeltype = 'n' AND a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS written
    FROM pg_constraint AS c
    WHERE c.contype = 'f' AND c.confrelid = relation AND c.confdeltype IN ('c', 'n', 'd') AND c.conparentid = 0
    ORDER BY c.conrelid::regclass::text, c.conname
  LOOP
    theirs := format('(%s) IN (SELECT %s FROM %s AS this WHERE (%s
    ))', key.referring, key.referred, relation::regclass, condition);
    -- Rows that go round in a circle are there already the second time, which ends it.
    IF langfuse_rollout.archive_matching(key.child, theirs, reason, NULL, false, key.written) > 0
      OR (key.action = 'c' AND key.child <> ALL (path))
    THEN
      IF key.action = 'c' THEN
        PERFORM langfuse_rollout.archive_referrers(key.child, theirs, reason, path || key.child);
      END IF;
    END IF;
  END LOOP;
END
$toolbox$;
