/** An owner's database in which one migration is undone. SQL runs as the role of the rollback, unless it says else. */
export type Situation = {
  readonly name: string
  /** The migration that is undone, from the state after it. */
  readonly migration: string
  /** As superuser, before `sql`. */
  readonly administrator?: string
  readonly sql: string
  readonly verdict: 'taken' | 'left' | 'refused'
  /** What the check says, in one of its sentences; undefined: it says nothing, because nothing is concerned. */
  readonly says?: string
  /** SQL of one boolean, as superuser: what must be true after a rollback that takes along or leaves alone. */
  readonly after?: string
  /** No one statement clears the way. */
  readonly isManual?: boolean
  /** Without the check the rollback comes to its end, but with harm: what is true then. */
  readonly harm?: string
}

const COLUMN = '20260130000000_add_v4_beta_enabled'
const ENUM = '20260522113010_add_paused_monitor_severity'
const TABLES = '20260601190000_add_in_app_agent_persistence'
const ROWS = '20260610170000_remove_media_link_foreign_keys'
const BIG = '20260807120000_drop_job_execution_configuration_fk'
const AGAIN = '20260723124010_drop_dataset_run_items_table'
const GIVEN = '20260619120000_revert_slack_pending_install_columns'
const CONCURRENT = '20260318100001_drop_job_executions_project_id_id_idx'
const KEY = '20251211204006_dataset_items_switch_pk'
const INDEX = '20251210133946_dataset_items_create_idx_id_project_id_valid_from'
const REWRITE = '20260612000000_drop_job_executions_job_template_id_fkey'

const plpgsql = (name: string, body: string, returns = 'trigger') =>
  `CREATE FUNCTION public.${name}() RETURNS ${returns} LANGUAGE plpgsql AS $body$ BEGIN ${body} END $body$;`

const onColumn: readonly Omit<Situation, 'migration'>[] = [
  {
    name: 'a view on a dropped column',
    sql: 'CREATE VIEW public.bi AS SELECT id, v4_beta_enabled FROM public.users',
    verdict: 'refused',
    says: 'View public.bi reads public.users.v4_beta_enabled, which the rollback drops. Run `DROP VIEW public.bi;`',
  },
  {
    name: 'a view of all columns',
    sql: 'CREATE VIEW public."BI; all" AS SELECT * FROM public.users',
    verdict: 'refused',
    says: 'View public."BI; all" reads public.users.v4_beta_enabled',
  },
  {
    name: 'a view on a view on a dropped column',
    sql: 'CREATE VIEW public.inner_one AS SELECT * FROM public.users; CREATE VIEW public.outer_one AS SELECT id FROM public.inner_one',
    verdict: 'refused',
    says: 'View public.outer_one reads public.users.v4_beta_enabled through another view',
  },
  {
    name: 'a materialized view on a dropped column',
    sql: 'CREATE MATERIALIZED VIEW public.daily AS SELECT v4_beta_enabled, count(*) FROM public.users GROUP BY 1',
    verdict: 'refused',
    says: 'Run `DROP MATERIALIZED VIEW public.daily;`',
  },
  {
    name: 'a view on other columns',
    sql: 'CREATE VIEW public.bi AS SELECT id, email FROM public.users',
    verdict: 'left',
    after: 'SELECT count(*) > 0 FROM public.bi',
  },
  {
    name: 'a view of whole rows',
    sql: 'CREATE VIEW public.bi AS SELECT u::text AS line FROM public.users AS u',
    verdict: 'left',
    after: 'SELECT count(*) > 0 FROM public.bi',
  },
  {
    name: 'a policy that uses a dropped column',
    sql: 'CREATE POLICY beta ON public.users USING (v4_beta_enabled)',
    verdict: 'refused',
    says: 'Run `DROP POLICY beta ON public.users;`',
  },
  {
    name: 'a policy of another table that uses a dropped column',
    sql: 'CREATE TABLE public.notes (user_id text); CREATE POLICY beta ON public.notes USING (EXISTS (SELECT FROM public.users AS u WHERE u.id = user_id AND u.v4_beta_enabled))',
    verdict: 'refused',
    says: 'Run `DROP POLICY beta ON public.notes;`',
  },
  {
    name: 'row security with a policy on other columns',
    sql: 'ALTER TABLE public.users ENABLE ROW LEVEL SECURITY; CREATE POLICY known ON public.users USING (email IS NOT NULL)',
    verdict: 'left',
    after: `SELECT count(*) = 1 FROM pg_policies WHERE policyname = 'known'`,
  },
  {
    name: 'forced row security',
    sql: 'ALTER TABLE public.users ENABLE ROW LEVEL SECURITY; ALTER TABLE public.users FORCE ROW LEVEL SECURITY; CREATE POLICY known ON public.users USING (email IS NOT NULL)',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.users NO FORCE ROW LEVEL SECURITY;`',
  },
  {
    name: 'a trigger on updates of a dropped column',
    sql: `${plpgsql('note', 'RETURN NEW;')} CREATE TRIGGER noted AFTER UPDATE OF v4_beta_enabled ON public.users FOR EACH ROW EXECUTE FUNCTION public.note()`,
    verdict: 'refused',
    says: 'Run `DROP TRIGGER noted ON public.users;`',
  },
  {
    name: 'a trigger with a condition on a dropped column',
    sql: `${plpgsql('note', 'RETURN NEW;')} CREATE TRIGGER noted AFTER UPDATE ON public.users FOR EACH ROW WHEN (NEW.v4_beta_enabled) EXECUTE FUNCTION public.note()`,
    verdict: 'refused',
    says: 'Trigger noted on public.users uses column public.users.v4_beta_enabled',
  },
  {
    name: 'a trigger on a table that loses a column',
    sql: `${plpgsql('note', 'RETURN NEW;')} CREATE TRIGGER noted AFTER UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.note()`,
    verdict: 'left',
    after: `SELECT count(*) = 1 FROM pg_trigger WHERE tgname = 'noted'`,
  },
  {
    name: 'a rule that uses a dropped column',
    sql: 'CREATE TABLE public.log (id text); CREATE RULE logged AS ON UPDATE TO public.users WHERE NEW.v4_beta_enabled DO ALSO INSERT INTO public.log VALUES (NEW.id)',
    verdict: 'refused',
    says: 'Run `DROP RULE logged ON public.users;`',
  },
  {
    name: 'a column computed from a dropped column',
    sql: 'ALTER TABLE public.users ADD COLUMN beta text GENERATED ALWAYS AS (CASE WHEN v4_beta_enabled THEN id END) STORED',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.users DROP COLUMN beta;`',
  },
  {
    name: 'a publication of a list of columns with a dropped one',
    sql: 'CREATE PUBLICATION feed FOR TABLE public.users (id, v4_beta_enabled)',
    verdict: 'refused',
    says: 'Run `ALTER PUBLICATION feed DROP TABLE public.users;`',
  },
  {
    name: 'a publication with a filter on a dropped column',
    sql: `CREATE PUBLICATION feed FOR TABLE public.users WHERE (v4_beta_enabled) WITH (publish = 'insert')`,
    verdict: 'refused',
    says: 'Publication feed has a filter or a list of columns with column public.users.v4_beta_enabled',
  },
  {
    name: 'a publication of a table that loses a column',
    sql: 'CREATE PUBLICATION feed FOR TABLE public.users',
    verdict: 'left',
    after: `SELECT count(*) = 1 FROM pg_publication_tables WHERE pubname = 'feed' AND tablename = 'users'`,
  },
  {
    name: 'a publication of all tables',
    administrator: 'CREATE PUBLICATION everything FOR ALL TABLES',
    sql: '',
    verdict: 'left',
    says: 'Left alone: publication everything publishes all tables, so it also sends the archive',
    after: `SELECT count(*) = 1 FROM pg_publication WHERE pubname = 'everything'`,
  },
  {
    name: 'a function in standard SQL that uses a dropped column',
    sql: 'CREATE FUNCTION public.betas() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.users WHERE v4_beta_enabled; END',
    verdict: 'refused',
    says: 'Run `DROP FUNCTION public.betas();`',
  },
  {
    name: 'a function whose text mentions a dropped column, which PostgreSQL does not see',
    sql: 'CREATE FUNCTION public.betas() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM public.users WHERE v4_beta_enabled $$',
    verdict: 'left',
    after: `SELECT to_regprocedure('public.betas()') IS NOT NULL`,
  },
  {
    name: 'an index on a dropped column',
    sql: 'CREATE INDEX "My; index" ON public.users (email, v4_beta_enabled)',
    verdict: 'taken',
    says: 'Taken along: index public."My; index" goes with column public.users.v4_beta_enabled; its definition goes to the archive.',
    after: `SELECT count(*) = 1 FROM langfuse_rollout.archived_rows WHERE row ->> 'definition' LIKE 'CREATE INDEX "My; index" ON public.users%'`,
  },
  {
    name: 'a check on a dropped column',
    sql: 'ALTER TABLE public.users ADD CONSTRAINT own_check CHECK (v4_beta_enabled OR NOT v4_beta_enabled)',
    verdict: 'taken',
    says: 'Taken along: constraint own_check of public.users goes with column',
    after: `SELECT count(*) = 1 FROM langfuse_rollout.archived_rows WHERE row ->> 'name' = 'own_check'`,
  },
  {
    name: "the owner's sequence that belongs to a dropped column",
    sql: 'CREATE SEQUENCE public.numbers OWNED BY public.users.v4_beta_enabled',
    verdict: 'refused',
    says: 'Run `ALTER SEQUENCE public.numbers OWNED BY NONE;`',
    harm: `SELECT to_regclass('public.numbers') IS NULL`,
  },
  {
    name: 'a table of another role',
    administrator: 'ALTER TABLE public.users OWNER TO stranger; GRANT ALL ON public.users TO langfuse',
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.users OWNER TO langfuse;`',
  },
  {
    name: 'a table of a role that this role is a member of',
    administrator: 'ALTER TABLE public.users OWNER TO team',
    sql: '',
    verdict: 'left',
    after: `SELECT tableowner = 'team' FROM pg_tables WHERE tablename = 'users'`,
  },
  {
    name: 'a table that inherits',
    sql: 'CREATE TABLE public.own_users (note text) INHERITS (public.users)',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.own_users NO INHERIT public.users;`',
    harm: `SELECT count(*) = 0 FROM information_schema.columns WHERE table_name = 'own_users' AND column_name = 'v4_beta_enabled'`,
  },
  {
    name: 'a table that is a child',
    sql: 'CREATE TABLE public.parent (v4_beta_enabled boolean NOT NULL); ALTER TABLE public.users INHERIT public.parent',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.users NO INHERIT public.parent;`',
  },
  {
    name: 'a table that is partitioned by a dropped column',
    sql: `ALTER TABLE public.users RENAME TO users_all; CREATE TABLE public.users (LIKE public.users_all INCLUDING DEFAULTS) PARTITION BY LIST (v4_beta_enabled);
      CREATE TABLE public.users_rest PARTITION OF public.users DEFAULT`,
    verdict: 'refused',
    says: 'Partitioned table public.users has column public.users.v4_beta_enabled in its partition key',
    isManual: true,
  },
  {
    name: 'an event trigger that forbids changes',
    administrator: `${plpgsql('forbid', `RAISE EXCEPTION 'frozen';`, 'event_trigger')} CREATE EVENT TRIGGER frozen ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.forbid()`,
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER EVENT TRIGGER frozen DISABLE;`',
  },
  {
    name: 'an event trigger that only writes a log',
    administrator: `CREATE TABLE public.ddl_log (tag text); GRANT ALL ON public.ddl_log TO langfuse; ${plpgsql('log_ddl', 'INSERT INTO public.ddl_log VALUES (tg_tag);', 'event_trigger')} CREATE EVENT TRIGGER logging ON ddl_command_end EXECUTE FUNCTION public.log_ddl()`,
    sql: '',
    verdict: 'left',
    says: 'Left alone: event trigger logging fires when the rollback changes the schema.',
    after: 'SELECT count(*) > 0 FROM public.ddl_log',
  },
  {
    name: 'a disabled event trigger that forbids changes',
    administrator: `${plpgsql('forbid', `RAISE EXCEPTION 'frozen';`, 'event_trigger')} CREATE EVENT TRIGGER frozen ON ddl_command_start EXECUTE FUNCTION public.forbid(); ALTER EVENT TRIGGER frozen DISABLE`,
    sql: '',
    verdict: 'left',
    after: `SELECT evtenabled = 'D' FROM pg_event_trigger WHERE evtname = 'frozen'`,
  },
  {
    name: 'a database in which the role may not create a schema',
    administrator: `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO stranger', current_database()); END $$;
      ALTER SCHEMA public OWNER TO langfuse`,
    sql: '',
    verdict: 'refused',
    says: 'does not let role langfuse create the archive. Run `GRANT CREATE ON DATABASE ',
  },
  {
    name: 'an archive that an administrator has made for the role',
    administrator: `CREATE SCHEMA langfuse_rollout; GRANT ALL ON SCHEMA langfuse_rollout TO langfuse;
      DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO stranger', current_database()); END $$; ALTER SCHEMA public OWNER TO langfuse`,
    sql: '',
    verdict: 'left',
    after: `SELECT to_regclass('langfuse_rollout.archived_rows') IS NOT NULL`,
  },
  {
    name: "somebody else's schema of the archive's name",
    administrator: 'CREATE SCHEMA langfuse_rollout AUTHORIZATION stranger',
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER SCHEMA langfuse_rollout RENAME TO langfuse_rollout_of_stranger;`',
  },
  {
    name: "another table of the archive's name",
    sql: 'CREATE SCHEMA langfuse_rollout; CREATE TABLE langfuse_rollout.archived_rows (id int)',
    verdict: 'refused',
    says: 'Table langfuse_rollout.archived_rows is not the archive of this action.',
  },
  {
    name: 'an archive function of another role',
    administrator:
      'CREATE SCHEMA langfuse_rollout; GRANT ALL ON SCHEMA langfuse_rollout TO langfuse; CREATE FUNCTION langfuse_rollout.setting(name text) RETURNS text LANGUAGE sql AS $$ SELECT name $$',
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER FUNCTION langfuse_rollout.setting(text) OWNER TO langfuse;`',
  },
  {
    name: "Prisma's table of another role",
    administrator:
      'ALTER TABLE public._prisma_migrations OWNER TO stranger; GRANT SELECT ON public._prisma_migrations TO langfuse',
    sql: '',
    verdict: 'refused',
    says: 'Run `GRANT SELECT, INSERT, UPDATE, DELETE ON public._prisma_migrations TO langfuse;`',
  },
  {
    name: 'a role whose search path begins with other tables',
    sql: `CREATE SCHEMA evil; CREATE TABLE evil.users (id int); CREATE TABLE evil._prisma_migrations (id int);
      CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
      CREATE FUNCTION evil.format(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'evil' $$;
      DO $$ BEGIN EXECUTE format('ALTER ROLE langfuse IN DATABASE %I SET search_path = evil, pg_catalog, public', current_database()); END $$`,
    verdict: 'left',
    after: `SELECT count(*) = 0 FROM evil._prisma_migrations`,
  },
  {
    name: "a foreign key of the owner's table",
    sql: 'CREATE TABLE public.notes (user_id text REFERENCES public.users (id))',
    verdict: 'left',
    after: `SELECT count(*) = 1 FROM pg_constraint WHERE conrelid = 'public.notes'::regclass AND contype = 'f'`,
  },
  {
    name: 'privileges and comments on other columns',
    sql: `GRANT SELECT (email) ON public.users TO reader; COMMENT ON COLUMN public.users.email IS 'mine'`,
    verdict: 'left',
    after: `SELECT has_column_privilege('reader', 'public.users', 'email', 'SELECT')`,
  },
  {
    name: "the owner's extra column",
    sql: `ALTER TABLE public.users ADD COLUMN own text DEFAULT 'x'`,
    verdict: 'left',
    after: `SELECT count(*) > 0 FROM public.users WHERE own = 'x'`,
  },
]

const owned = `CREATE VIEW public.bi AS SELECT id, severity FROM public.monitors;
  ALTER VIEW public.bi ALTER COLUMN severity SET DEFAULT 'OK'; COMMENT ON VIEW public.bi IS 'ours'; COMMENT ON COLUMN public.bi.severity IS 'how bad';
  GRANT SELECT ON public.bi TO reader; GRANT UPDATE (severity) ON public.bi TO reader; ALTER VIEW public.bi OWNER TO team`

const onEnum: readonly Omit<Situation, 'migration'>[] = [
  {
    name: 'a view on an enum, with owner, privileges, comments and a default',
    administrator: 'GRANT CREATE ON SCHEMA public TO team',
    sql: owned,
    verdict: 'taken',
    says: 'Taken along: view public.bi reads public.monitors.severity',
    after: `SELECT obj_description(c.oid) = 'ours' AND col_description(c.oid, 2) = 'how bad' AND pg_get_userbyid(relowner) = 'team'
        AND has_table_privilege('reader', c.oid, 'SELECT') AND NOT has_table_privilege('reader', c.oid, 'UPDATE')
        AND has_column_privilege('reader', c.oid, 'severity', 'UPDATE')
        AND (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = c.oid) = '''OK''::"MonitorSeverity"'
      FROM pg_class AS c WHERE c.oid = 'public.bi'::regclass`,
  },
  {
    name: 'a view that must not get the default privileges of new ones',
    sql: 'CREATE VIEW public.bi AS SELECT severity FROM public.monitors; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader',
    verdict: 'taken',
    says: 'Taken along: view public.bi',
    after: `SELECT NOT has_table_privilege('reader', 'public.bi', 'SELECT')`,
  },
  {
    name: 'a materialized view with an index on an enum',
    sql: `CREATE MATERIALIZED VIEW public.daily AS SELECT id, severity FROM public.monitors; CREATE UNIQUE INDEX daily_id ON public.daily (id);
      COMMENT ON INDEX public.daily_id IS 'fast'`,
    verdict: 'taken',
    says: 'Taken along: materialized view public.daily',
    after: `SELECT (SELECT count(*) FROM public.daily) > 0 AND obj_description('public.daily_id'::regclass) = 'fast'`,
  },
  {
    name: 'a view on a view on an enum',
    sql: 'CREATE VIEW public.inner_one AS SELECT * FROM public.monitors; CREATE VIEW public.outer_one AS SELECT severity, count(*) FROM public.inner_one GROUP BY 1',
    verdict: 'refused',
    says: 'View public.outer_one reads public.monitors.trigger_ids through another view',
  },
  {
    name: 'a view on a view on an enum alone',
    sql: 'CREATE VIEW public.inner_one AS SELECT id, severity FROM public.monitors; CREATE VIEW public.outer_one AS SELECT severity, count(*) FROM public.inner_one GROUP BY 1',
    verdict: 'taken',
    says: 'Taken along: view public.outer_one reads public.monitors.severity through another view',
    after: 'SELECT count(*) > 0 FROM public.outer_one',
  },
  {
    name: 'a view that mentions a label that goes',
    sql: `CREATE VIEW public.paused AS SELECT id FROM public.monitors WHERE severity = 'PAUSED'`,
    verdict: 'refused',
    says: `View public.paused mentions 'PAUSED', a label that goes with the rollback`,
  },
  {
    name: 'a view that mentions the text of a label',
    sql: `CREATE VIEW public.paused AS SELECT id FROM public.monitors WHERE severity::text = 'PAUSED'`,
    verdict: 'taken',
    says: 'Taken along: view public.paused',
    after: `SELECT to_regclass('public.paused') IS NOT NULL`,
  },
  {
    name: 'a view of another role on an enum',
    administrator:
      'CREATE VIEW public.theirs AS SELECT severity FROM public.monitors; ALTER VIEW public.theirs OWNER TO stranger',
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER VIEW public.theirs OWNER TO langfuse;`',
  },
  {
    name: 'a view whose owner may not create it again',
    administrator:
      'CREATE VIEW public.bi AS SELECT severity FROM public.monitors; ALTER VIEW public.bi OWNER TO team',
    sql: '',
    verdict: 'refused',
    says: 'View public.bi is in schema public, where role team may not create it again. Run `GRANT CREATE ON SCHEMA public TO team;`',
  },
  {
    name: 'a view in a schema where the role may not create',
    administrator:
      'CREATE SCHEMA reports AUTHORIZATION stranger; CREATE VIEW reports.bi AS SELECT severity FROM public.monitors; ALTER VIEW reports.bi OWNER TO langfuse; GRANT USAGE ON SCHEMA reports TO langfuse',
    sql: '',
    verdict: 'refused',
    says: 'Run `GRANT CREATE ON SCHEMA reports TO langfuse;`',
  },
  {
    name: 'a function that returns rows of a view on an enum',
    sql: 'CREATE VIEW public.bi AS SELECT severity FROM public.monitors; CREATE FUNCTION public.rows_of() RETURNS SETOF public.bi LANGUAGE sql AS $$ SELECT * FROM public.bi $$',
    verdict: 'refused',
    says: 'Run `DROP ROUTINE public.rows_of();`',
  },
  {
    name: 'a table with a column of a row of a view on an enum',
    sql: 'CREATE VIEW public.bi AS SELECT severity FROM public.monitors; CREATE TABLE public.kept (line public.bi)',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.kept DROP COLUMN line;`',
  },
  {
    name: 'a policy on an enum',
    sql: `CREATE POLICY calm ON public.monitors USING (severity = 'OK')`,
    verdict: 'refused',
    says: 'Run `DROP POLICY calm ON public.monitors;`',
  },
  {
    name: 'a column computed from an enum',
    sql: `ALTER TABLE public.monitors ADD COLUMN calm boolean GENERATED ALWAYS AS (severity = 'OK') STORED`,
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.monitors DROP COLUMN calm;`',
  },
  {
    name: 'a publication with a filter on an enum',
    sql: `CREATE PUBLICATION feed FOR TABLE public.monitors WHERE (id > '') WITH (publish = 'insert'); ALTER PUBLICATION feed SET TABLE public.monitors (id, severity)`,
    verdict: 'refused',
    says: 'Run `ALTER PUBLICATION feed DROP TABLE public.monitors;`',
  },
  {
    name: 'a rule that uses an enum',
    sql: `CREATE TABLE public.log (id text); CREATE RULE logged AS ON INSERT TO public.monitors WHERE NEW.severity = 'OK' DO ALSO INSERT INTO public.log VALUES (NEW.id)`,
    verdict: 'refused',
    says: 'Run `DROP RULE logged ON public.monitors;`',
  },
  {
    name: 'a trigger with a condition on an enum, disabled and with a comment',
    sql: `${plpgsql('note', 'RETURN NEW;')} CREATE TRIGGER calm AFTER UPDATE ON public.monitors FOR EACH ROW WHEN (NEW.severity = 'OK') EXECUTE FUNCTION public.note();
      COMMENT ON TRIGGER calm ON public.monitors IS 'mine'; ALTER TABLE public.monitors DISABLE TRIGGER calm`,
    verdict: 'taken',
    says: 'Taken along: trigger calm on public.monitors',
    after: `SELECT tgenabled = 'D' AND obj_description(oid, 'pg_trigger') = 'mine' FROM pg_trigger WHERE tgname = 'calm'`,
  },
  {
    name: 'a trigger that compares with a label that goes',
    sql: `${plpgsql('note', 'RETURN NEW;')} CREATE TRIGGER paused AFTER UPDATE ON public.monitors FOR EACH ROW WHEN (NEW.severity = 'PAUSED') EXECUTE FUNCTION public.note()`,
    verdict: 'refused',
    says: 'Run `DROP TRIGGER paused ON public.monitors;`',
  },
  {
    name: "the owner's table with an enum, its default, index and check",
    sql: `CREATE TABLE public.own (id int PRIMARY KEY, severity public."MonitorSeverity" DEFAULT 'ALERT', CONSTRAINT sane CHECK (severity <> 'NO_DATA'));
      CREATE INDEX own_bad ON public.own (id) WHERE severity = 'ALERT'; COMMENT ON CONSTRAINT sane ON public.own IS 'sane'; COMMENT ON INDEX public.own_bad IS 'bad';
      INSERT INTO public.own VALUES (1, 'PAUSED'), (2, DEFAULT)`,
    verdict: 'taken',
    says: 'Taken along: column public.own.severity gets the rebuilt type; its default, indexes and checks are made again.',
    after: `SELECT (SELECT string_agg(severity::text, ',' ORDER BY id) FROM public.own) = 'UNKNOWN,ALERT'
      AND obj_description('public.own_bad'::regclass) = 'bad' AND obj_description(oid, 'pg_constraint') = 'sane' FROM pg_constraint WHERE conname = 'sane'`,
  },
  {
    name: "the owner's table with arrays of an enum",
    sql: `CREATE TABLE public.own (id int PRIMARY KEY, all_of public."MonitorSeverity"[] DEFAULT '{OK}'); INSERT INTO public.own VALUES (1, '{PAUSED,OK}')`,
    verdict: 'taken',
    says: 'Taken along: column public.own.all_of gets the rebuilt type',
    after: `SELECT all_of::text = '{UNKNOWN,OK}' FROM public.own`,
  },
  {
    name: "the owner's default that is a label that goes",
    sql: `CREATE TABLE public.own (id int PRIMARY KEY, severity public."MonitorSeverity" DEFAULT 'PAUSED')`,
    verdict: 'taken',
    says: 'Taken along: column public.own.severity',
    after: `SELECT column_default LIKE '''UNKNOWN''%' FROM information_schema.columns WHERE table_name = 'own' AND column_name = 'severity'`,
  },
  {
    name: "the owner's index on a label that goes",
    sql: `CREATE INDEX own_paused ON public.monitors (id) WHERE severity = 'PAUSED'`,
    verdict: 'taken',
    says: 'Taken along: index public.own_paused uses column public.monitors.severity',
    after: `SELECT count(*) = 1 FROM langfuse_rollout.archived_rows WHERE row ->> 'definition' LIKE '%own_paused%'`,
  },
  {
    name: 'a table of another role with an enum',
    administrator:
      'CREATE TABLE public.theirs (severity public."MonitorSeverity"); ALTER TABLE public.theirs OWNER TO stranger',
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.theirs OWNER TO langfuse;`',
  },
  {
    name: 'a function with an argument of an enum',
    sql: 'CREATE FUNCTION public.is_bad(s public."MonitorSeverity") RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT s::text = \'ALERT\' $$',
    verdict: 'left',
    says: 'Left alone: function public.is_bad(public."MonitorSeverity") keeps the present type public."MonitorSeverity", which moves to schema langfuse_rollout.',
    after: `SELECT count(*) = 1 FROM pg_proc WHERE proname = 'is_bad'`,
  },
  {
    name: 'a view that calls a function with an argument of an enum',
    sql: 'CREATE FUNCTION public.is_bad(s public."MonitorSeverity") RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT s::text = \'ALERT\' $$; CREATE VIEW public.bad AS SELECT id FROM public.monitors WHERE public.is_bad(severity)',
    verdict: 'refused',
    says: 'View public.bad calls public.is_bad(public."MonitorSeverity"), which keeps the older type of its argument. Run `DROP VIEW public.bad;`',
  },
  {
    name: 'a check that calls a function with an argument of an enum',
    sql: 'CREATE FUNCTION public.is_sane(s public."MonitorSeverity") RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT true $$; ALTER TABLE public.monitors ADD CONSTRAINT sane CHECK (public.is_sane(severity))',
    verdict: 'refused',
    says: 'Function public.is_sane(public."MonitorSeverity") has an argument or result of type public."MonitorSeverity", and constraint sane calls it.',
    isManual: true,
  },
  {
    name: 'a domain over an enum',
    sql: `CREATE DOMAIN public.bad AS public."MonitorSeverity" CHECK (VALUE <> 'OK'); CREATE TABLE public.own (id int, how public.bad)`,
    verdict: 'left',
    says: 'Left alone: domain public.bad keeps the present type',
    after: `SELECT to_regtype('public.bad') IS NOT NULL`,
  },
  {
    name: 'a composite type with an enum',
    sql: 'CREATE TYPE public.pair AS (how public."MonitorSeverity", n int)',
    verdict: 'left',
    says: 'Left alone: type public.pair keeps the present type',
    after: `SELECT to_regtype('public.pair') IS NOT NULL`,
  },
  {
    name: 'an enum with a comment and privileges',
    sql: `COMMENT ON TYPE public."MonitorSeverity" IS 'how bad'; GRANT USAGE ON TYPE public."MonitorSeverity" TO reader WITH GRANT OPTION; REVOKE USAGE ON TYPE public."MonitorSeverity" FROM PUBLIC`,
    verdict: 'taken',
    after: `SELECT obj_description(oid, 'pg_type') = 'how bad' AND has_type_privilege('reader', oid, 'USAGE WITH GRANT OPTION')
      AND NOT has_type_privilege('stranger', oid, 'USAGE') FROM pg_type WHERE oid = 'public."MonitorSeverity"'::regtype`,
  },
  {
    name: 'an enum of another role',
    administrator: 'ALTER TYPE public."MonitorSeverity" OWNER TO stranger',
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER TYPE public."MonitorSeverity" OWNER TO langfuse;`',
  },
]

const onTables: readonly Omit<Situation, 'migration'>[] = [
  {
    name: 'a view on a table that moves',
    sql: 'CREATE VIEW public.bi AS SELECT id, model FROM public.in_app_agent_runs',
    verdict: 'left',
    says: 'Left alone: view public.bi follows table public.in_app_agent_runs into the archive.',
    after: 'SELECT count(*) > 0 FROM public.bi',
  },
  {
    name: "a foreign key of the owner's table to a table that moves",
    sql: 'CREATE TABLE public.notes (id text, project_id text, FOREIGN KEY (id, project_id) REFERENCES public.in_app_agent_runs (id, project_id) ON DELETE CASCADE); INSERT INTO public.notes SELECT id, project_id FROM public.in_app_agent_runs',
    verdict: 'left',
    says: 'follows table public.in_app_agent_runs into the archive',
    after: `SELECT (SELECT count(*) FROM public.notes) > 0 AND confrelid::regclass::text LIKE 'langfuse_rollout.%' FROM pg_constraint WHERE conrelid = 'public.notes'::regclass AND contype = 'f'`,
  },
  {
    name: "the owner's column on a table that moves",
    sql: `ALTER TABLE public.in_app_agent_runs ADD COLUMN own text DEFAULT 'x'`,
    verdict: 'taken',
    says: 'Taken along: column public.in_app_agent_runs.own goes with its table into the archive; the next upgrade makes the table without it.',
    after: `SELECT count(*) = 1 FROM pg_attribute WHERE attname = 'own' AND attrelid = (SELECT to_regclass(stored_as) FROM langfuse_rollout.archived_tables WHERE relation = 'public.in_app_agent_runs')`,
  },
  {
    name: 'a publication of a table that moves',
    sql: 'CREATE PUBLICATION feed FOR TABLE public.in_app_agent_runs',
    verdict: 'taken',
    says: 'Taken along: publication feed keeps table public.in_app_agent_runs under its name in the archive',
    after: `SELECT count(*) = 1 FROM pg_publication_tables WHERE pubname = 'feed' AND schemaname = 'langfuse_rollout'`,
  },
  {
    name: 'a publication of schema public',
    administrator: 'CREATE PUBLICATION whole FOR TABLES IN SCHEMA public',
    sql: '',
    verdict: 'left',
    says: 'Left alone: publication whole publishes a schema, which table public.in_app_agent_runs leaves for the archive.',
    after: `SELECT count(*) > 0 FROM pg_publication_tables WHERE pubname = 'whole'`,
  },
  {
    name: 'a trigger and a policy on a table that moves',
    sql: `${plpgsql('note', 'RETURN NEW;')} CREATE TRIGGER noted AFTER UPDATE ON public.in_app_agent_runs FOR EACH ROW EXECUTE FUNCTION public.note();
      CREATE POLICY own ON public.in_app_agent_runs USING (true); ALTER TABLE public.in_app_agent_runs ENABLE ROW LEVEL SECURITY`,
    verdict: 'left',
    says: 'Left alone: trigger noted on public.in_app_agent_runs goes with its table into the archive.',
    after: `SELECT (SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'noted') LIKE 'langfuse_rollout.%' AND (SELECT schemaname FROM pg_policies WHERE policyname = 'own') = 'langfuse_rollout'`,
  },
  {
    name: 'privileges and a comment on a table that moves',
    sql: `GRANT SELECT ON public.in_app_agent_runs TO reader; COMMENT ON TABLE public.in_app_agent_runs IS 'mine'`,
    verdict: 'left',
    after: `SELECT has_table_privilege('reader', to_regclass(stored_as), 'SELECT') AND obj_description(to_regclass(stored_as), 'pg_class') = 'mine' FROM langfuse_rollout.archived_tables WHERE relation = 'public.in_app_agent_runs'`,
  },
  {
    name: 'a table of another role that moves',
    administrator:
      'ALTER TABLE public.in_app_agent_runs OWNER TO stranger; GRANT ALL ON public.in_app_agent_runs TO langfuse',
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.in_app_agent_runs OWNER TO langfuse;`',
  },
  {
    name: "the owner's table with an enum that is dropped",
    sql: 'CREATE TABLE public.own (scope public."InAppAgentConversationVisibilityScope")',
    verdict: 'left',
    says: 'Left alone: column public.own.scope keeps the type public."InAppAgentConversationVisibilityScope", which moves to schema langfuse_rollout.',
    after: `SELECT atttypid::regtype::text LIKE 'langfuse_rollout.%' FROM pg_attribute WHERE attrelid = 'public.own'::regclass AND attname = 'scope'`,
  },
]

const orphan = 'ALTER TABLE public.trace_media DISABLE TRIGGER USER; DELETE FROM public.media;'

const onRows: readonly Omit<Situation, 'migration'>[] = [
  {
    name: 'a trigger that forbids deletes',
    sql: `${plpgsql('keep', `RAISE EXCEPTION 'kept';`)} CREATE TRIGGER kept BEFORE DELETE ON public.trace_media FOR EACH ROW EXECUTE FUNCTION public.keep(); DELETE FROM public.media`,
    verdict: 'refused',
    says: 'Trigger kept on public.trace_media fires when the rollback changes rows, and may stop that. Run `ALTER TABLE public.trace_media DISABLE TRIGGER kept;`',
  },
  {
    name: 'a trigger that skips deletes',
    sql: `${plpgsql('keep', 'RETURN NULL;')} CREATE TRIGGER kept BEFORE DELETE ON public.trace_media FOR EACH ROW EXECUTE FUNCTION public.keep(); DELETE FROM public.media`,
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.trace_media DISABLE TRIGGER kept;`',
  },
  {
    name: 'a trigger that writes deletes into a log',
    sql: `CREATE TABLE public.log (id text); ${plpgsql('log_it', 'INSERT INTO public.log VALUES (OLD.id); RETURN NULL;')} CREATE TRIGGER logged AFTER DELETE ON public.trace_media FOR EACH ROW EXECUTE FUNCTION public.log_it(); DELETE FROM public.media`,
    verdict: 'left',
    says: 'Left alone: trigger logged on public.trace_media fires when the rollback changes rows.',
    after: 'SELECT count(*) > 0 FROM public.log',
  },
  {
    name: 'a rule that swallows deletes',
    sql: 'CREATE RULE kept AS ON DELETE TO public.trace_media DO INSTEAD NOTHING; DELETE FROM public.media',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.trace_media DISABLE RULE kept;`',
  },
  {
    name: "the owner's rows that refer to rows that are deleted",
    sql: `DELETE FROM public.media; CREATE TABLE public.notes (id text REFERENCES public.trace_media (id)); INSERT INTO public.notes SELECT id FROM public.trace_media`,
    verdict: 'refused',
    says: 'refers to rows of public.trace_media that the rollback deletes. Run `ALTER TABLE public.notes DROP CONSTRAINT notes_id_fkey;`',
  },
  {
    name: "the owner's rows that refer to rows that stay",
    sql: `UPDATE public.trace_media SET media_id = m.id, project_id = m.project_id FROM (SELECT id, project_id FROM public.media LIMIT 1) AS m;
      CREATE TABLE public.notes (id text REFERENCES public.trace_media (id)); INSERT INTO public.notes SELECT id FROM public.trace_media`,
    verdict: 'left',
    after: 'SELECT count(*) > 0 FROM public.notes',
  },
  {
    name: "the owner's rows that are deleted with others",
    sql: `${orphan} CREATE TABLE public.notes (id text PRIMARY KEY REFERENCES public.trace_media (id) ON DELETE CASCADE); INSERT INTO public.notes SELECT id FROM public.trace_media`,
    verdict: 'taken',
    says: 'Taken along: foreign key notes_id_fkey of public.notes deletes or changes rows with those of public.trace_media; they go to the archive first.',
    after: `SELECT count(*) > 0 FROM langfuse_rollout.archived_rows WHERE relation = 'public.notes'`,
  },
  {
    name: 'rows of another role that are deleted with others',
    administrator: `DELETE FROM public.media; CREATE TABLE public.notes (id text PRIMARY KEY REFERENCES public.trace_media (id) ON DELETE CASCADE); INSERT INTO public.notes SELECT id FROM public.trace_media;
      ALTER TABLE public.notes OWNER TO stranger`,
    sql: '',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.notes DROP CONSTRAINT notes_id_fkey;`',
  },
]

const single: readonly Situation[] = [
  {
    name: "the owner's rows that refer to rows that get another key",
    migration: '20250519093328_media_relax_id_uniqueness_to_project_only',
    sql: `CREATE TABLE public.notes (id text, project_id text, FOREIGN KEY (id, project_id) REFERENCES public.media (id, project_id));
      UPDATE public.media SET id = 'same'; INSERT INTO public.notes SELECT id, project_id FROM public.media`,
    verdict: 'refused',
    says: 'refers to rows of public.media that the rollback gives another key. Run `ALTER TABLE public.notes DROP CONSTRAINT notes_id_project_id_fkey;`',
  },
  {
    name: 'a row that jsonb cannot hold, which is deleted',
    migration: BIG,
    sql: `UPDATE public.job_executions SET error = repeat('x', 268435456) WHERE id = (SELECT min(id) FROM public.job_executions); DELETE FROM public.job_configurations`,
    verdict: 'refused',
    says: 'Table public.job_executions has a row that is larger than jsonb, and so the archive, can hold (256 MB).',
    isManual: true,
  },
  {
    name: 'a row that jsonb cannot hold, which stays',
    migration: BIG,
    sql: `UPDATE public.job_executions SET job_configuration_id = (SELECT min(id) FROM public.job_configurations);
      UPDATE public.job_executions SET error = repeat('x', 268435456) WHERE id = (SELECT min(id) FROM public.job_executions)`,
    verdict: 'left',
    after: 'SELECT max(octet_length(error)) = 268435456 FROM public.job_executions',
  },
  {
    name: 'a trigger that forbids updates',
    migration: REWRITE,
    sql: `${plpgsql('keep', `RAISE 'kept';`)} CREATE TRIGGER kept BEFORE UPDATE ON public.job_executions FOR EACH ROW EXECUTE FUNCTION public.keep();
      DELETE FROM public.eval_templates WHERE id NOT IN (SELECT eval_template_id FROM public.job_configurations WHERE eval_template_id IS NOT NULL)`,
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.job_executions DISABLE TRIGGER kept;`',
    harm: 'SELECT true',
  },
  {
    name: 'a view of the name of a table that comes back',
    migration: AGAIN,
    sql: 'CREATE VIEW public.dataset_run_items AS SELECT 1 AS id',
    verdict: 'refused',
    says: 'Run `ALTER VIEW public.dataset_run_items RENAME TO dataset_run_items_own;`',
  },
  {
    name: 'a table of the name of a table that comes back',
    migration: AGAIN,
    sql: 'CREATE TABLE public.dataset_run_items (LIKE public.dataset_runs)',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.dataset_run_items RENAME TO dataset_run_items_own;`',
  },
  {
    name: 'an index of the name of one that comes back',
    migration: CONCURRENT,
    sql: 'CREATE INDEX job_executions_project_id_id_idx ON public.users (email)',
    verdict: 'refused',
    says: 'Run `ALTER INDEX public.job_executions_project_id_id_idx RENAME TO job_executions_project_id_id_idx_own;`',
    harm: `SELECT count(*) = 0 FROM pg_indexes WHERE tablename = 'job_executions' AND indexname = 'job_executions_project_id_id_idx'`,
  },
  {
    name: 'a column of the name of one that comes back',
    migration: GIVEN,
    sql: 'ALTER TABLE public.slack_integrations ADD COLUMN expires_at int',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.slack_integrations RENAME COLUMN expires_at TO expires_at_own;`',
    harm: `SELECT data_type = 'integer' FROM information_schema.columns WHERE table_name = 'slack_integrations' AND column_name = 'expires_at'`,
  },
  {
    name: 'a partitioned table that gets an index without a lock',
    migration: CONCURRENT,
    sql: `ALTER TABLE public.job_executions RENAME TO job_executions_all; CREATE TABLE public.job_executions (LIKE public.job_executions_all INCLUDING DEFAULTS) PARTITION BY HASH (id);
      CREATE TABLE public.job_executions_0 PARTITION OF public.job_executions FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
    verdict: 'refused',
    says: 'Partitioned table public.job_executions cannot get index job_executions_project_id_id_idx without a lock.',
    isManual: true,
  },
  {
    name: "a foreign key of the owner's table to a key that changes",
    migration: KEY,
    sql: 'CREATE TABLE public.notes (id text, project_id text, valid_from timestamp(3), FOREIGN KEY (id, project_id, valid_from) REFERENCES public.dataset_items (id, project_id, valid_from))',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.notes DROP CONSTRAINT notes_id_project_id_valid_from_fkey;`',
  },
  {
    name: 'a replica identity that is an index that goes',
    migration: INDEX,
    sql: 'CREATE PUBLICATION feed FOR TABLE public.dataset_items; ALTER TABLE public.dataset_items REPLICA IDENTITY USING INDEX dataset_items_id_project_id_valid_from_key',
    verdict: 'refused',
    says: 'Run `ALTER TABLE public.dataset_items REPLICA IDENTITY DEFAULT;`',
    harm: `SELECT relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisreplident) FROM pg_class AS c WHERE oid = 'public.dataset_items'::regclass`,
  },
  {
    name: 'a full replica identity',
    migration: INDEX,
    sql: 'CREATE PUBLICATION feed FOR TABLE public.dataset_items; ALTER TABLE public.dataset_items REPLICA IDENTITY FULL',
    verdict: 'left',
    after: `SELECT relreplident = 'f' FROM pg_class WHERE oid = 'public.dataset_items'::regclass`,
  },
]

const of = (migration: string, some: readonly Omit<Situation, 'migration'>[]): readonly Situation[] =>
  some.map(each => ({ migration, ...each }))

export const SITUATIONS: readonly Situation[] = [
  ...of(COLUMN, onColumn),
  ...of(ENUM, onEnum),
  ...of(TABLES, onTables),
  ...of(ROWS, onRows),
  ...single,
]
