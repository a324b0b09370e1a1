import type { SqlFunction } from './sql-function.ts'

/** Many rows a few at a time, in the phases that nobody is to wait for. */
export const batches: readonly SqlFunction[] = [
  {
    signature: 'todo_list(relation oid, call text)',
    returns: 'text',
    comment: `Internal: the name of the temporary table that remembers what a call still has to do when it is to do so
many rows at a time as langfuse_rollout.batch says; NULL when it is to do all at once. An empty list: all is done.`,
    body: `
BEGIN
  IF coalesce(current_setting('langfuse_rollout.batch', true), '') = ''
    OR (SELECT relkind FROM pg_class WHERE oid = relation) = 'p'
    OR NOT has_database_privilege(current_database(), 'TEMPORARY')
  THEN
    RETURN NULL;
  END IF;
  RETURN 'langfuse_rollout_' || to_hex(hashtextextended(
    concat_ws(chr(1), langfuse_rollout.setting('migration'), relation, call), 0));
END`,
  },
  {
    signature: 'tell_whether_more(list text)',
    returns: 'void',
    comment:
      'Internal: langfuse_rollout.more says that some rows are left, so that the same is called again.',
    body: `
DECLARE
  is_done boolean;
BEGIN
  EXECUTE format('SELECT NOT EXISTS (SELECT FROM pg_temp.%I)', list) INTO is_done;
  IF NOT is_done THEN PERFORM set_config('langfuse_rollout.more', 'yes', true); END IF;
END`,
  },
  {
    signature: 'forget_todo_lists()',
    returns: 'void',
    comment: 'Called when a statement has nothing left to do.',
    body: `
DECLARE
  list text;
BEGIN
  FOR list IN
    SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname LIKE 'langfuse\\_rollout\\_%'
  LOOP
    EXECUTE format('DROP TABLE pg_temp.%I', list);
  END LOOP;
END`,
  },
  {
    signature: 'next_batch(relation oid, condition text, call text)',
    returns: 'text',
    comment: `Internal: the condition, or that of the next rows when there is a list. The rows are looked up once: a row
that is changed meanwhile has another place and is left, so validate does the same repairs again.`,
    body: `
DECLARE
  list text := langfuse_rollout.todo_list(relation, concat_ws(chr(1), condition, call));
  places text;
BEGIN
  IF list IS NULL THEN RETURN condition; END IF;
  IF to_regclass('pg_temp.' || list) IS NULL THEN
    PERFORM set_config('enable_seqscan', 'on', true);
    EXECUTE format($sql$
      CREATE TEMPORARY TABLE %I ON COMMIT PRESERVE ROWS AS
      SELECT number, array_agg(place)::text AS places
      FROM (
        SELECT this.ctid AS place, (row_number() OVER () - 1) / %s AS number FROM %s AS this WHERE (%s
        )
      ) AS numbered GROUP BY number$sql$,
      list, current_setting('langfuse_rollout.batch'), relation::regclass, condition);
  END IF;
  EXECUTE format('DELETE FROM pg_temp.%1$I WHERE number = (SELECT min(number) FROM pg_temp.%1$I) RETURNING places', list)
  INTO places;
  PERFORM langfuse_rollout.tell_whether_more(list);
  -- The places of rows say where they are, but PostgreSQL would rather read a table of middling size as a whole.
  PERFORM set_config('enable_seqscan', 'off', true);
  RETURN CASE WHEN places IS NULL THEN 'false'
    ELSE format(E'this.ctid = ANY (%L::tid[]) AND (%s\\n)', places, condition) END;
END`,
  },
]
