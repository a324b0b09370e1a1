-- undoes: 20260527110000_monitor_wallclock_lifecycle
-- class: schema
-- loses: nothing; the last run time of each monitor goes to the archive
-- count: monitors with a last run time, which goes to the archive: SELECT count(*) FROM public.monitors AS this WHERE this.last_claimed_at IS NOT NULL
-- count: monitors that are not scheduled, which become due now: SELECT count(*) FROM public.monitors AS this WHERE this.next_run_at IS NULL
--
-- Two columns got other names. Between the phases both releases run, so each column is there under both names and a
-- trigger keeps them equal; contract drops the copies and renames the columns back, with what is in them.
-- Not scheduled means due at once to the newer release, so next_run_at becomes the time of the rollback (in UTC, as
-- Prisma writes it).

-- phase: expand
SELECT langfuse_rollout.add_column('monitors', 'last_published_run_at', 'timestamp(3) without time zone');
SELECT langfuse_rollout.add_column('monitors', 'last_completed_run_at', 'timestamp(3) without time zone');

CREATE OR REPLACE FUNCTION langfuse_rollout.monitor_under_both_names() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.last_published_at := coalesce(NEW.last_published_at, NEW.last_published_run_at);
    NEW.last_completed_at := coalesce(NEW.last_completed_at, NEW.last_completed_run_at);
  ELSE
    -- Who wrote the older name is the older release; the newer one does not know it.
    IF NEW.last_published_run_at IS DISTINCT FROM OLD.last_published_run_at THEN
      NEW.last_published_at := NEW.last_published_run_at;
    END IF;
    IF NEW.last_completed_run_at IS DISTINCT FROM OLD.last_completed_run_at THEN
      NEW.last_completed_at := NEW.last_completed_run_at;
    END IF;
  END IF;
  NEW.last_published_run_at := NEW.last_published_at;
  NEW.last_completed_run_at := NEW.last_completed_at;
  RETURN NEW;
END
$function$;

DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.monitors'), 'last_published_at') IS NOT NULL
    AND langfuse_rollout.column_named(pg_catalog.to_regclass('public.monitors'), 'last_completed_at') IS NOT NULL
  THEN
    UPDATE public.monitors SET last_published_run_at = last_published_at, last_completed_run_at = last_completed_at
    WHERE (last_published_run_at, last_completed_run_at) IS DISTINCT FROM (last_published_at, last_completed_at);
    CREATE OR REPLACE TRIGGER langfuse_rollout_monitor_under_both_names BEFORE INSERT OR UPDATE ON public.monitors
      FOR EACH ROW EXECUTE FUNCTION langfuse_rollout.monitor_under_both_names();
  END IF;
END
$down$;

-- phase: contract
DO $down$
BEGIN
  IF pg_catalog.to_regclass('public.monitors') IS NOT NULL THEN
    DROP TRIGGER IF EXISTS langfuse_rollout_monitor_under_both_names ON public.monitors;
  END IF;
END
$down$;
DROP FUNCTION IF EXISTS langfuse_rollout.monitor_under_both_names();

SELECT langfuse_rollout.drop_index('monitors_scheduler_rescue_idx');
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.monitors'), 'last_published_at') IS NOT NULL THEN
    ALTER TABLE public.monitors DROP COLUMN IF EXISTS last_published_run_at;
    PERFORM langfuse_rollout.rename_column('monitors', 'last_published_at', 'last_published_run_at');
  END IF;
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.monitors'), 'last_completed_at') IS NOT NULL THEN
    ALTER TABLE public.monitors DROP COLUMN IF EXISTS last_completed_run_at;
    PERFORM langfuse_rollout.rename_column('monitors', 'last_completed_at', 'last_completed_run_at');
  END IF;
END
$down$;
SELECT langfuse_rollout.set_not_null('monitors', 'next_run_at', 'now() AT TIME ZONE ''UTC''');
SELECT langfuse_rollout.drop_column('monitors', 'last_claimed_at');
-- end
