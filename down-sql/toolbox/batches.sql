-- Change many rows a few at a time, in the phases prepare and validate, so that nobody waits long for a row.
-- Internal: the executor and rows.sql call these.

-- Returns the name of the temporary table in which a call remembers the rows that it still has to change, or NULL when
-- it shall change all rows at once. The setting langfuse_rollout.batch is the number of rows at a time.
CREATE OR REPLACE FUNCTION langfuse_rollout.todo_list(relation oid, call text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  IF coalesce(current_setting('langfuse_rollout.batch', true), '') = ''
    OR (SELECT relkind FROM pg_class WHERE oid = relation) = 'p'
    OR NOT has_database_privilege(current_database(), 'TEMPORARY')
  THEN
    RETURN NULL;
  END IF;
  RETURN 'langfuse_rollout_' || to_hex(hashtextextended(
    concat_ws(chr(1), langfuse_rollout.setting('migration'), relation, call), 0));
END
$toolbox$;

-- Sets langfuse_rollout.more to 'yes' while the list has rows left: the executor then runs the same statement again.
CREATE OR REPLACE FUNCTION langfuse_rollout.tell_whether_more(list text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  is_done boolean;
BEGIN
  EXECUTE format('SELECT NOT EXISTS (SELECT FROM pg_temp.%I)', list) INTO is_done;
  IF NOT is_done THEN PERFORM set_config('langfuse_rollout.more', 'yes', true); END IF;
END
$toolbox$;

-- Drops the temporary tables of todo_list. The executor calls it when a statement has nothing left to do.
CREATE OR REPLACE FUNCTION langfuse_rollout.forget_todo_lists()
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  list text;
BEGIN
  FOR list IN
    SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname LIKE 'langfuse\_rollout\_%'
  LOOP
    EXECUTE format('DROP TABLE pg_temp.%I', list);
  END LOOP;
END
$toolbox$;

-- Returns the condition itself, or the condition of the next batch of rows when the call works in batches. The rows are
-- looked up once: a row that is changed meanwhile moves and is missed, so the validate phase repeats the repair.
CREATE OR REPLACE FUNCTION langfuse_rollout.next_batch(relation oid, condition text, call text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
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
    ELSE format(E'this.ctid = ANY (%L::tid[]) AND (%s\n)', places, condition) END;
END
$toolbox$;
