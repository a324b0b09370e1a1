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

-- Resets a background migration, because the data that it made is in the archive: as Langfuse inserts it, so that the
-- next worker that runs it begins at its beginning. With a reason it waits as a failed one, which every release skips.
-- Not archived: a restore would mark it as finished before the newer worker has run it. Returns whether it changed.
CREATE OR REPLACE FUNCTION langfuse_rollout.reset_background_migration(name text, reason text)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  IF langfuse_rollout.table_named('background_migrations') IS NULL THEN RETURN false; END IF;
  UPDATE public.background_migrations AS this
  SET state = '{}', finished_at = NULL, locked_at = NULL, worker_id = NULL, failed_reason = reason,
    failed_at = CASE WHEN reason IS NOT NULL THEN now() AT TIME ZONE 'UTC' END
  WHERE this.name = name AND (this.state <> '{}' OR this.finished_at IS NOT NULL OR this.locked_at IS NOT NULL
    OR this.worker_id IS NOT NULL OR this.failed_reason IS DISTINCT FROM reason
    OR (this.failed_at IS NULL) <> (reason IS NULL));
  RETURN FOUND;
END
$toolbox$;

-- Marks an unfinished background migration as failed, with this reason: contract will reset it. A worker that is running
-- it continues.
CREATE OR REPLACE FUNCTION langfuse_rollout.hold_background_migration(name text, reason text)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  IF langfuse_rollout.table_named('background_migrations') IS NULL THEN RETURN false; END IF;
  UPDATE public.background_migrations AS this
  SET failed_at = now() AT TIME ZONE 'UTC', failed_reason = reason
  WHERE this.name = name AND this.finished_at IS NULL AND this.failed_at IS NULL;
  RETURN FOUND;
END
$toolbox$;
