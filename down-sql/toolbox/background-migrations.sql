-- Rows of Langfuse's table background_migrations: work that a worker does after an upgrade.

-- Archives and deletes a background migration, so that a later upgrade can insert it again.
CREATE OR REPLACE FUNCTION langfuse_rollout.delete_background_migration(id text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  PERFORM langfuse_rollout.delete_rows('background_migrations', format('this.id = %L', id),
    'the older release has no such background migration');
END
$toolbox$;

-- Marks an unfinished background migration as failed: every release skips a failed one. An older worker would stop at
-- it, because its image lacks the script. A worker that is running it continues.
CREATE OR REPLACE FUNCTION langfuse_rollout.pause_background_migration(id text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  PERFORM langfuse_rollout.rewrite_rows('background_migrations',
    'failed_at = timezone(''UTC'', now()), failed_reason = ''paused by a rollback to a release that does not have its script''',
    format('this.id = %L AND this.finished_at IS NULL AND this.failed_at IS NULL', id),
    'the older worker does not have its script and would stop at it');
END
$toolbox$;

-- Inserts a background migration as finished, because the older worker must not run it. Does nothing when it exists.
CREATE OR REPLACE FUNCTION langfuse_rollout.insert_background_migration(id text, name text, script text, args jsonb)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  IF langfuse_rollout.table_named('background_migrations') IS NULL THEN RETURN; END IF;
  INSERT INTO public.background_migrations (id, name, script, args, finished_at)
  VALUES (id, name, script, args, now() AT TIME ZONE 'UTC')
  ON CONFLICT DO NOTHING;
END
$toolbox$;
