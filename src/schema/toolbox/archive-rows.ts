import type { SqlFunction } from './sql-function.ts'

/** Puts rows and definitions into the archive: internal. */
export const archiveRows: readonly SqlFunction[] = [
  {
    signature: 'row_as_json(relation oid, columns text[])',
    returns: 'text',
    comment: `Internal: the SQL that makes jsonb of the row this: of the columns, or of all of them when NULL.
A value of type json goes in as its text: jsonb would reorder its keys, and refuses \\u0000.`,
    body: `
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
END`,
  },
  {
    signature: 'note_definition(relation text, reason text, definition jsonb)',
    returns: 'void',
    comment: 'Internal: keeps what an object was that goes, so that a person can make it again. Once.',
    body: `
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
END`,
  },
  {
    signature:
      'archive_matching(relation oid, condition text, reason text, columns text[], again boolean, written text)',
    returns: 'bigint',
    comment: `Internal: copies rows: the columns with the primary key, or whole rows when columns or the key are not there.
Unless again, a row that this migration's undoing has archived just so is not archived a second time.
written is the SQL of what takes the place of its columns, as jsonb, or NULL.`,
    body: `
DECLARE
  key text[] := langfuse_rollout.primary_key(relation);
  kind text := CASE WHEN columns IS NULL OR key IS NULL THEN 'row' ELSE 'values' END;
  picked text := langfuse_rollout.row_as_json(relation, CASE WHEN kind = 'values' THEN key || columns END);
  copied bigint;
BEGIN
  EXECUTE format($sql$
    INSERT INTO langfuse_rollout.archived_rows (rollback_id, migration, relation, reason, kind, row, written)
    SELECT $1, $2, $3, $4, $5, candidate.row, candidate.written
    FROM (SELECT %s AS row, %s AS written FROM %s AS this WHERE (%s
    )) AS candidate
    %s$sql$, picked, coalesce(written, 'NULL::jsonb'), relation::regclass, condition, CASE WHEN NOT again THEN $sql$
    WHERE NOT EXISTS (
      SELECT FROM langfuse_rollout.archived_rows AS known
      WHERE known.rollback_id = $1 AND known.migration = $2 AND known.relation = $3
        AND known.kind = $5 AND known.row = candidate.row
    )$sql$ END)
  USING langfuse_rollout.setting('rollback_id'), langfuse_rollout.setting('migration'), relation::regclass::text,
    reason, kind;
  GET DIAGNOSTICS copied = ROW_COUNT;
  RETURN copied;
END`,
  },
  {
    signature: 'archive_referrers(relation oid, condition text, reason text, path oid[])',
    returns: 'void',
    comment: `Internal: archives the rows that ON DELETE CASCADE, SET NULL or SET DEFAULT would take or change with the rows.`,
    body: `
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
END`,
  },
]
