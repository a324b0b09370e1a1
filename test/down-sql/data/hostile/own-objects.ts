import type { Threat } from '../threat.ts'

const kind = "object of the database's owner"

/**
 * What people make in Langfuse's database; there from the start, and left alone. Nothing here depends on a table or a
 * column that an undo takes away: what does is its owner's to remove, and PostgreSQL says so before anything happens.
 */
export const ownObjects: readonly (Omit<Threat, 'undoing'> & { readonly sql: string })[] = [
  {
    kind,
    what: 'a table with quotes, semicolons and dots in its names, and with a foreign key',
    sql: `CREATE TABLE public."odd; ""table"".x" (id text PRIMARY KEY, "select" text CONSTRAINT "fk; --" REFERENCES public.projects (id));
      INSERT INTO public."odd; ""table"".x" VALUES ('1', 'one'), ('it''s; "2"', NULL);`,
  },
  {
    kind,
    what: 'indexes on tables that are altered: odd name, expression, condition',
    sql: `CREATE INDEX "odd; index --" ON public.projects (lower(name)) WHERE org_id IS NOT NULL;
      CREATE INDEX "Jobs ""loud""" ON public.job_executions (project_id, created_at DESC) WHERE status <> 'PENDING';
      CREATE UNIQUE INDEX "dataset; items" ON public.datasets (id, project_id, name);`,
  },
  {
    kind,
    what: 'views on tables that are altered, one on a column whose enum type is made anew',
    sql: `CREATE VIEW public."My Projects; x" AS SELECT id AS "Id; ""x""", name FROM public.projects;
      CREATE VIEW public.jobs AS SELECT id, status, status::text AS "text" FROM public.job_executions;
      CREATE VIEW public."jobs of ""jobs""" AS SELECT status, count(*) AS n FROM public.jobs GROUP BY 1;`,
  },
  {
    kind,
    what: 'a column, an array, a default and an index of enum types that are made anew',
    sql: `CREATE TABLE public."own ""jobs""" (id int PRIMARY KEY, kind "JobExecutionStatus" DEFAULT 'PENDING',
        kinds "JobExecutionStatus"[] NOT NULL DEFAULT '{PENDING}', "type; --" "AnnotationQueueObjectType");
      CREATE INDEX "own; kinds" ON public."own ""jobs""" (kind) WHERE kind <> 'ERROR';
      INSERT INTO public."own ""jobs""" VALUES (1, 'ERROR', '{ERROR,COMPLETED}', 'TRACE'),
        (2, 'DELAYED', '{DELAYED,ERROR,DELAYED}', 'SESSION'), (3, NULL, '{}', NULL);`,
  },
  {
    kind,
    what: "schemas of other programs with tables of Langfuse's names",
    sql: `CREATE SCHEMA langfuse; CREATE TABLE langfuse.traces (nothing text); CREATE TABLE langfuse.projects (deleted_at text);
      CREATE TYPE langfuse."ActionType" AS ENUM ('MINE');
      INSERT INTO langfuse.projects VALUES ('mine');`,
  },
  {
    kind,
    what: 'a function and a trigger that fires on every change of rows',
    sql: `CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER "noted; --" BEFORE UPDATE ON public.job_executions FOR EACH ROW EXECUTE FUNCTION public.note();`,
  },
  {
    kind,
    what: 'an enum type and a sequence of their own',
    sql: `CREATE TYPE public."own; ""enum""" AS ENUM ('b', 'a;');
      CREATE SEQUENCE public."own; ""sequence""";`,
  },
]
