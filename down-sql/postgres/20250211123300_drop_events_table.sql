-- undoes: 20250211123300_drop_events_table
-- class: lossy
-- loses: the rows of events, which the upgrade dropped; no release since 2.93.7 reads or writes them
--
-- Without what deploy kept, the table comes back empty. Its foreign key can be there at once, since an empty table has
-- nothing to look through.
--
-- Kept by moving it: from 2.93.7 to 3.26.0 only Prisma's schema names it, no query does (tags v2.93.7, v3.0.0, v3.10.0 and
-- v3.26.0: nothing in web, worker or packages uses the model Events). Only a deleted project takes its rows along.

-- phase: keep
SELECT langfuse_rollout.keep_table('events');

-- phase: expand
SELECT langfuse_rollout.give_back_table('events');
CREATE TABLE IF NOT EXISTS public.events (
  id text CONSTRAINT events_pkey PRIMARY KEY,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  project_id text NOT NULL
    CONSTRAINT events_project_id_fkey REFERENCES public.projects (id) ON UPDATE CASCADE ON DELETE CASCADE,
  data jsonb NOT NULL,
  headers jsonb NOT NULL DEFAULT '{}',
  url text,
  method text
);
CREATE INDEX IF NOT EXISTS events_project_id_idx ON public.events (project_id);

-- phase: prepare
SELECT langfuse_rollout.give_back_rows('events');
-- end
