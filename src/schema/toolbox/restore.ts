import type { SqlFunction } from './sql-function.ts'

/** Puts back what a rollback archived, when a later upgrade has made its place again. For people: docs/restore.md. */
export const restore: readonly SqlFunction[] = [
  {
    signature: 'restore(rollback_id text, migrations text[] DEFAULT NULL)',
    returns: 'TABLE (relation text, kind text, found bigint, restored bigint, skipped bigint, why text)',
    comment: `Puts back what a rollback archived under migrations that are applied again, or under those given. Nothing
that was written since is changed, nothing leaves the archive, and what is back is not put back a second time.`,
    body: `
DECLARE
  before bigint := -1;
  done bigint := 0;
BEGIN
  PERFORM langfuse_rollout.check_rollback(rollback_id);
  PERFORM pg_advisory_xact_lock(hashtextextended('langfuse_rollout.restore', 0));
  migrations := coalesce(migrations, langfuse_rollout.applied_migrations());
  -- A row may have to wait for another one that its foreign key refers to.
  WHILE done > before LOOP
    before := done;
    PERFORM langfuse_rollout.restore_tables(rollback_id, migrations);
    PERFORM langfuse_rollout.restore_rows(rollback_id, migrations);
    done := (SELECT coalesce(sum(r.restored), 0) FROM langfuse_rollout.restore_report(rollback_id) AS r);
  END LOOP;
  RETURN QUERY SELECT * FROM langfuse_rollout.restore_report(rollback_id);
END`,
  },
  {
    signature: 'drop_archive(rollback_id text, even_what_is_not_back boolean DEFAULT false)',
    returns: 'void',
    comment: 'Removes what a rollback archived, for good. What is not back has to be named as not wanted.',
    body: `
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
END`,
  },
  {
    signature: 'check_rollback(rollback_id text)',
    returns: 'void',
    comment: 'Internal: an error that names the rollbacks there are, when this is none.',
    body: `
DECLARE
  known text[] := ARRAY(
    SELECT a.rollback_id FROM langfuse_rollout.archived_rows AS a
    UNION SELECT t.rollback_id FROM langfuse_rollout.archived_tables AS t
    UNION SELECT c.rollback_id FROM langfuse_rollout.archived_columns AS c ORDER BY 1);
BEGIN
  IF rollback_id = ANY (known) THEN RETURN; END IF;
  RAISE EXCEPTION 'the archive has nothing of a rollback %', coalesce(quote_literal(rollback_id), 'without an id')
    USING HINT = 'It has: ' || coalesce(nullif(array_to_string(known, ', '), ''), 'nothing');
END`,
  },
  {
    signature: 'applied_migrations()',
    returns: 'text[]',
    comment: `Internal: what Prisma has applied. As long as a migration is undone, the release that runs does not know
what its undoing has archived.`,
    body: `
BEGIN
  RETURN ARRAY(SELECT m.migration_name::text FROM public._prisma_migrations AS m
    WHERE m.finished_at IS NOT NULL AND m.rolled_back_at IS NULL);
EXCEPTION WHEN undefined_table THEN
  RAISE EXCEPTION 'public._prisma_migrations is not there: this is not the database of a Langfuse that has been upgraded';
END`,
  },
  {
    signature: 'is_back(outcome text)',
    returns: 'boolean',
    comment: 'Internal: whether nothing is to be done any more.',
    body: `
BEGIN
  RETURN coalesce(outcome LIKE 'restored%' OR outcome LIKE 'already there%', false);
END`,
  },
  {
    signature: 'dropped_column(rollback_id text, relation text, reason text)',
    returns: 'text',
    comment: 'Internal: the column whose dropping archived a row with this reason, or NULL.',
    body: `
BEGIN
  RETURN (
    SELECT c.column_name FROM langfuse_rollout.archived_columns AS c
    WHERE c.rollback_id = dropped_column.rollback_id AND c.relation = dropped_column.relation
      AND dropped_column.reason = format('the column %I is dropped', c.column_name)
    LIMIT 1
  );
END`,
  },
  {
    signature: 'restore_report(rollback_id text)',
    returns: 'TABLE (relation text, kind text, found bigint, restored bigint, skipped bigint, why text)',
    comment: 'What restore has done so far, and why not more.',
    body: `
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
        SELECT r.relation, r.reason, langfuse_rollout.dropped_column(restore_report.rollback_id, r.relation, r.reason) AS column_name
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
END`,
  },
  {
    signature: 'has_outcome(relation oid)',
    returns: 'boolean',
    comment:
      'Internal: whether a table of the archive has the column in which restore notes what became of a row.',
    body: `
BEGIN
  RETURN EXISTS (SELECT FROM pg_attribute AS a
    WHERE a.attrelid = relation AND a.attname = 'langfuse_rollout_outcome' AND NOT a.attisdropped);
END`,
  },
  {
    signature: 'current_name(rollback_id text, relation text, name text)',
    returns: 'text',
    comment: 'Internal: what a column of the archive is called since the upgrade.',
    body: `
BEGIN
  RETURN coalesce((
    SELECT a.row ->> 'old' FROM langfuse_rollout.archived_rows AS a
    WHERE a.rollback_id = current_name.rollback_id AND a.relation = current_name.relation
      AND a.kind = 'definition' AND a.row ->> 'kind' = 'renamed column' AND a.row ->> 'new' = current_name.name
    ORDER BY a.id LIMIT 1), name);
END`,
  },
  {
    signature: 'restore_tables(rollback_id text, migrations text[])',
    returns: 'void',
    comment:
      'Internal: copies the rows of tables that were moved into the tables that are there again; last moved first.',
    body: `
DECLARE
  stored record;
  places text[];
BEGIN
  FOR stored IN
    SELECT t.relation, to_regclass(t.stored_as) AS place, to_regclass(t.relation) AS target
    FROM langfuse_rollout.archived_tables AS t
    WHERE t.rollback_id = restore_tables.rollback_id AND t.migration = ANY (migrations)
      AND to_regclass(t.stored_as) IS NOT NULL AND to_regclass(t.relation) IS NOT NULL
    ORDER BY t.id DESC
  LOOP
    IF NOT langfuse_rollout.has_outcome(stored.place) THEN
      EXECUTE format('ALTER TABLE %s ADD COLUMN langfuse_rollout_outcome text', stored.place);
    END IF;
    EXECUTE format($sql$SELECT array_agg(a.ctid::text) FROM %s AS a
      WHERE (a.langfuse_rollout_outcome ~ '^(restored|already there)') IS NOT TRUE$sql$, stored.place) INTO places;
    PERFORM langfuse_rollout.restore_some(
      langfuse_rollout.inserts_of_table(rollback_id, stored.relation, stored.place, stored.target), places,
      format('UPDATE %s AS a SET langfuse_rollout_outcome = $2 WHERE a.ctid = ANY ($1::tid[])', stored.place));
  END LOOP;
END`,
  },
  {
    signature: 'restore_rows(rollback_id text, migrations text[])',
    returns: 'void',
    comment: `Internal: deleted and rewritten rows, and values of columns: those first that were archived last, so that
each meets the table as its undoing left it.`,
    body: `
DECLARE
  part record;
  target regclass;
  statements text[];
  problem text;
BEGIN
  FOR part IN
    SELECT a.relation, a.migration, a.reason, a.kind, a.written IS NOT NULL AS is_rewritten,
      ARRAY(SELECT k FROM jsonb_object_keys(a.row) AS k ORDER BY 1) AS keys,
      ARRAY(SELECT k FROM jsonb_object_keys(coalesce(a.written, '{}')) AS k ORDER BY 1) AS changed,
      array_agg(a.id::text ORDER BY a.id) AS places
    FROM langfuse_rollout.archived_rows AS a
    WHERE a.rollback_id = restore_rows.rollback_id AND a.kind <> 'definition' AND (a.outcome ~ '^(restored|already there)') IS NOT TRUE -- is_back, which takes its time
    GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY max(a.id) DESC
  LOOP
    target := to_regclass(part.relation);
    statements := NULL;
    problem := NULL;
    IF part.migration <> ALL (migrations) THEN
      problem := format('%s is not applied again', part.migration);
    ELSIF target IS NULL THEN
      problem := 'there is no such table';
    ELSE
      SELECT p.statements, p.problem INTO statements, problem
      FROM langfuse_rollout.plan_of_rows(rollback_id, part.relation, target, part.reason, part.kind, part.is_rewritten,
        part.keys, part.changed) AS p;
    END IF;
    PERFORM langfuse_rollout.restore_some(coalesce(statements, ARRAY['SELECT 1']), part.places,
      'UPDATE langfuse_rollout.archived_rows AS a SET outcome = $2 WHERE a.id = ANY ($1::bigint[])', problem);
  END LOOP;
END`,
  },
  {
    signature:
      'plan_of_rows(rollback_id text, relation text, target oid, reason text, kind text, is_rewritten boolean, keys text[], changed text[])',
    returns: 'TABLE (statements text[], problem text)',
    comment: 'Internal: the SQL that restores rows that were archived alike, or why there is none.',
    body: `
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
      AND a.attname = langfuse_rollout.current_name(rollback_id, relation, k) AND NOT a.attisdropped AND a.attgenerated = '');
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
END`,
  },
  {
    signature: 'restore_some(statements text[], places text[], note text, problem text DEFAULT NULL)',
    returns: 'void',
    comment: `Internal: runs statements for rows at places; when one is refused, for each half of them, until it is known
which rows the table does not take, and why. note writes the outcome of rows.`,
    body: `
DECLARE
  statement text;
  half integer := cardinality(places) / 2;
BEGIN
  IF coalesce(cardinality(places), 0) = 0 THEN RETURN; END IF;
  IF problem IS NOT NULL THEN
    EXECUTE note USING places, problem;
    RETURN;
  END IF;
  IF cardinality(places) > 1000 THEN -- so that one row that is refused does not stop many
    FOR number IN 0 .. (cardinality(places) - 1) / 1000 LOOP
      PERFORM langfuse_rollout.restore_some(statements, places[number * 1000 + 1 : number * 1000 + 1000], note);
    END LOOP;
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
END`,
  },
]
