import type { SqlFunction } from './sql-function.ts'

/** The SQL by which restore.ts puts rows and values back: internal. */
export const restoreSql: readonly SqlFunction[] = [
  {
    signature:
      'archived_value(target oid, column_name text, source text, key text, has_null boolean DEFAULT false)',
    returns: 'text',
    comment: `Internal: the SQL of a value that the jsonb source has under key, as the type that the column has now.
A NULL of a jsonb column cannot be told from a null in it: it is NULL wherever the column can be, but for has_null.`,
    body: `
BEGIN
  RETURN (
    SELECT CASE
      WHEN a.atttypid = 'jsonb'::regtype THEN format(
        CASE WHEN a.attnotnull OR has_null THEN '(%s -> %L)' ELSE '(CASE WHEN jsonb_typeof(%1$s -> %2$L) <> ''null'' THEN %1$s -> %2$L END)' END,
        source, key)
      WHEN t.typcategory = 'A' THEN format('(jsonb_populate_record(NULL::%s, jsonb_build_object(%L, %s -> %L))).%I',
        target::regclass, a.attname, source, key, a.attname)
      ELSE format('(%s ->> %L)::%s', source, key, format_type(a.atttypid, NULL)) END
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = target AND a.attname = column_name
  );
END`,
  },
  {
    signature: 'untouched_value(target oid, column_name text)',
    returns: 'text',
    comment: `Internal: the SQL of the text that a column has where nobody has written it, or NULL where that cannot be
known. now() was computed once, when the column was added, and PostgreSQL keeps it for the rows that were there.`,
    body: `
BEGIN
  RETURN (
    SELECT CASE
      WHEN d.adbin IS NULL THEN 'NULL::text'
      WHEN regexp_replace(e.sql, '''[^'']*''', '', 'g') !~ '\\w\\(|CURRENT_|LOCAL|SESSION_|USER' THEN format('(%s)::text', e.sql)
      WHEN a.atthasmissing THEN format('%L::text', (a.attmissingval::text::text[])[1])
    END
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid) AS sql) AS e ON true
    WHERE a.attrelid = target AND a.attname = column_name
  );
END`,
  },
  {
    signature: 'inserts_of_table(rollback_id text, relation text, stored oid, target oid)',
    returns: 'text[]',
    comment: `Internal: copies the columns that both tables have. One that the new table demands and that was dropped
before the table was moved comes out of the archive's values.`,
    body: `
DECLARE
  key text[] := coalesce(langfuse_rollout.primary_key(stored), '{}');
  names text[];
  sources text[];
BEGIN
  SELECT array_agg(to_column.attname::text ORDER BY to_column.attnum), array_agg(CASE
    WHEN from_column.attname IS NULL THEN format(
      '(SELECT %s FROM langfuse_rollout.archived_rows AS v WHERE v.rollback_id = %L AND v.relation = %L AND v.reason = %L AND %s ORDER BY v.id DESC LIMIT 1)',
      langfuse_rollout.archived_value(target, to_column.attname, 'v.row', to_column.attname),
      rollback_id, relation, format('the column %I is dropped', to_column.attname),
      (SELECT string_agg(format('v.row ->> %L = a.%I::text', k, k), ' AND ') FROM unnest(key) AS k))
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
  RETURN langfuse_rollout.inserts(target, stored::regclass::text, 'ctid', 'langfuse_rollout_outcome', names, sources, '''restored''');
END`,
  },
  {
    signature: 'inserts_of_rows(rollback_id text, relation text, target oid, keys text[])',
    returns: 'text[]',
    comment: 'Internal: inserts rows that were deleted; what the table has no column for is told.',
    body: `
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
END`,
  },
  {
    signature:
      'inserts(target oid, source text, place text, outcome text, names text[], sources text[], restored text)',
    returns: 'text[]',
    comment: `Internal: first the statement that notes which rows are there already, known by the primary key or, in a
table in which nothing is unique, by all that they have; then the one that inserts the others.`,
    body: `
DECLARE
  key text[] := langfuse_rollout.primary_key(target);
  is_loose boolean := NOT EXISTS (SELECT FROM pg_index WHERE indrelid = target AND indisunique);
  type text := CASE place WHEN 'id' THEN 'bigint[]' ELSE 'tid[]' END;
  part text := format($sql$SELECT a.%I AS place, %s AS outcome, %s FROM %s AS a WHERE a.%1$I = ANY ($1::%5$s)$sql$, place, restored,
    (SELECT string_agg(format('%s AS c%s', s, n), ', ') FROM unnest(sources) WITH ORDINALITY AS l (s, n)), source, type);
  same text := (SELECT format('(%s) IS NOT DISTINCT FROM (%s)',
    string_agg(format('ROW(this.%I)::text', name), ', '), string_agg(format('ROW(part.c%s::%s)::text', n, format_type(a.atttypid, a.atttypmod)), ', '))
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
END`,
  },
  {
    signature:
      'update_of_rows(rollback_id text, relation text, target oid, fixed text[], wanted text[], is_column boolean)',
    returns: 'text',
    comment: `Internal: the statement that gives rows the values they had, where those still are what the rollback wrote
or what a column has that nobody has written. All the values of a row, or none.`,
    body: `
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
  SELECT string_agg(format('%s AS old%s, %s AS new%2$s', langfuse_rollout.archived_value(target, w.name, 'a.row', w.key, has_null), n,
      langfuse_rollout.archived_value(target, w.name, left_behind, w.key)), ', '),
    string_agg(format('%I = part.old%s', w.name, n), ', '),
    string_agg(format('this.%I::text IS NOT DISTINCT FROM part.old%s::%s::text', w.name, n, format_type(a.atttypid, a.atttypmod)), ' AND '),
    CASE WHEN is_column AND base IS NULL THEN 'false'
      WHEN is_column THEN format('this.%I::text IS NOT DISTINCT FROM %s', min(w.name), base)
      ELSE string_agg(format('this.%I::text IS NOT DISTINCT FROM part.new%s::%s::text', w.name, n, format_type(a.atttypid, a.atttypmod)), ' AND ') END
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
END`,
  },
]
