-- undoes: 20260723150000_drop_legacy_tracing_tables
-- class: restore
-- loses: the rows of traces, observations and scores, which the upgrade dropped; v2 needs them, v3 has its own in ClickHouse
--
-- Without what deploy kept, the tables come back empty, and only a snapshot from before v4 has the rows. v3 reads
-- ClickHouse, where background migrations have copied these rows to; it misses what v4 has written since with events_only,
-- its default. v2 would start with no trace at all.
--
-- Kept by moving them: from 3.30.0 on only the background migrations read or write them (worker/src/backgroundMigrations/
-- migrate{Traces,Observations,Scores}FromPostgresToClickhouse.ts and addGenerationsCostBackfill.ts, tags v3.30.0 and
-- v3.225.4; up to v3.29.1 processPostgresTraceDelete.ts deletes traces), and v4 is deployed over the newest v3 alone. While
-- one of them is not finished, the tables that it reads are copied. The enums that only these tables use move along,
-- because the migration drops them.
--
-- The four background migrations come back as deploy kept them. Without that they come back as finished: what they copied
-- from is gone, and v3 must not try.

-- phase: keep
SELECT langfuse_rollout.keep_table('traces');
SELECT langfuse_rollout.keep_table('observations');
SELECT langfuse_rollout.keep_table('scores');
SELECT langfuse_rollout.keep_rows('background_migrations', 'this.name IN (''20241024_1216_add_generations_cost_backfill'',
  ''20241024_1730_migrate_traces_from_pg_to_ch'', ''20241024_1737_migrate_observations_from_pg_to_ch'',
  ''20241024_1738_migrate_scores_from_pg_to_ch'')');

-- phase: expand
SELECT langfuse_rollout.give_back_table('traces');
SELECT langfuse_rollout.give_back_table('observations');
SELECT langfuse_rollout.give_back_table('scores');
DO $down$
BEGIN
  IF pg_catalog.to_regtype('public."ObservationType"') IS NULL THEN
    CREATE TYPE public."ObservationType" AS ENUM ('SPAN', 'EVENT', 'GENERATION', 'AGENT', 'TOOL', 'CHAIN',
      'RETRIEVER', 'EVALUATOR', 'EMBEDDING', 'GUARDRAIL');
  END IF;
  IF pg_catalog.to_regtype('public."ObservationLevel"') IS NULL THEN
    CREATE TYPE public."ObservationLevel" AS ENUM ('DEBUG', 'DEFAULT', 'WARNING', 'ERROR');
  END IF;
  IF pg_catalog.to_regtype('public."ScoreSource"') IS NULL THEN
    CREATE TYPE public."ScoreSource" AS ENUM ('ANNOTATION', 'API', 'EVAL');
  END IF;
END
$down$;

CREATE TABLE IF NOT EXISTS public.traces (
  id text NOT NULL,
  project_id text NOT NULL,
  "timestamp" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  external_id text,
  name text,
  user_id text,
  session_id text,
  metadata jsonb,
  release text,
  version text,
  public boolean NOT NULL DEFAULT false,
  bookmarked boolean NOT NULL DEFAULT false,
  tags text[] DEFAULT ARRAY[]::text[],
  input jsonb,
  output jsonb,
  created_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT traces_pkey PRIMARY KEY (id),
  CONSTRAINT traces_project_id_fkey FOREIGN KEY (project_id)
    REFERENCES public.projects (id) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS traces_created_at_idx ON public.traces USING btree (created_at);
CREATE INDEX IF NOT EXISTS traces_id_user_id_idx ON public.traces USING btree (id, user_id);
CREATE INDEX IF NOT EXISTS traces_name_idx ON public.traces USING btree (name);
CREATE INDEX IF NOT EXISTS traces_project_id_timestamp_idx ON public.traces USING btree (project_id, "timestamp");
CREATE INDEX IF NOT EXISTS traces_session_id_idx ON public.traces USING btree (session_id);
CREATE INDEX IF NOT EXISTS traces_tags_idx ON public.traces USING gin (tags);
CREATE INDEX IF NOT EXISTS traces_timestamp_idx ON public.traces USING btree ("timestamp");
CREATE INDEX IF NOT EXISTS traces_user_id_idx ON public.traces USING btree (user_id);

CREATE TABLE IF NOT EXISTS public.observations (
  id text NOT NULL,
  trace_id text,
  project_id text NOT NULL,
  type public."ObservationType" NOT NULL,
  start_time timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  end_time timestamp(3) without time zone,
  name text,
  metadata jsonb,
  parent_observation_id text,
  level public."ObservationLevel" NOT NULL DEFAULT 'DEFAULT',
  status_message text,
  version text,
  model text,
  internal_model text,
  internal_model_id text,
  "modelParameters" jsonb,
  input jsonb,
  output jsonb,
  prompt_tokens integer NOT NULL DEFAULT 0,
  completion_tokens integer NOT NULL DEFAULT 0,
  total_tokens integer NOT NULL DEFAULT 0,
  unit text,
  input_cost numeric(65,30),
  output_cost numeric(65,30),
  total_cost numeric(65,30),
  calculated_input_cost numeric(65,30),
  calculated_output_cost numeric(65,30),
  calculated_total_cost numeric(65,30),
  completion_start_time timestamp(3) without time zone,
  prompt_id text,
  created_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT observations_pkey PRIMARY KEY (id),
  CONSTRAINT observations_project_id_fkey FOREIGN KEY (project_id)
    REFERENCES public.projects (id) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS observations_id_project_id_key ON public.observations USING btree (id, project_id);
CREATE INDEX IF NOT EXISTS observations_created_at_idx ON public.observations USING btree (created_at);
CREATE INDEX IF NOT EXISTS observations_internal_model_idx ON public.observations USING btree (internal_model);
CREATE INDEX IF NOT EXISTS observations_model_idx ON public.observations USING btree (model);
CREATE INDEX IF NOT EXISTS observations_project_id_internal_model_start_time_unit_idx
  ON public.observations USING btree (project_id, internal_model, start_time, unit);
CREATE INDEX IF NOT EXISTS observations_project_id_prompt_id_idx ON public.observations USING btree (project_id, prompt_id);
CREATE INDEX IF NOT EXISTS observations_project_id_start_time_type_idx
  ON public.observations USING btree (project_id, start_time, type);
CREATE INDEX IF NOT EXISTS observations_prompt_id_idx ON public.observations USING btree (prompt_id);
CREATE INDEX IF NOT EXISTS observations_start_time_idx ON public.observations USING btree (start_time);
CREATE INDEX IF NOT EXISTS observations_trace_id_project_id_start_time_idx
  ON public.observations USING btree (trace_id, project_id, start_time);
CREATE INDEX IF NOT EXISTS observations_trace_id_project_id_type_start_time_idx
  ON public.observations USING btree (trace_id, project_id, type, start_time);
CREATE INDEX IF NOT EXISTS observations_type_idx ON public.observations USING btree (type);

CREATE TABLE IF NOT EXISTS public.scores (
  id text NOT NULL,
  project_id text NOT NULL,
  "timestamp" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  name text NOT NULL,
  value double precision,
  string_value text,
  data_type public."ScoreConfigDataType" NOT NULL DEFAULT 'NUMERIC',
  source public."ScoreSource" NOT NULL,
  comment text,
  trace_id text NOT NULL,
  observation_id text,
  author_user_id text,
  config_id text,
  queue_id text,
  created_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT scores_pkey PRIMARY KEY (id),
  CONSTRAINT scores_project_id_fkey FOREIGN KEY (project_id)
    REFERENCES public.projects (id) ON UPDATE CASCADE ON DELETE CASCADE,
  CONSTRAINT scores_config_id_fkey FOREIGN KEY (config_id)
    REFERENCES public.score_configs (id) ON UPDATE CASCADE ON DELETE SET NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS scores_id_project_id_key ON public.scores USING btree (id, project_id);
CREATE INDEX IF NOT EXISTS scores_author_user_id_idx ON public.scores USING btree (author_user_id);
CREATE INDEX IF NOT EXISTS scores_config_id_idx ON public.scores USING btree (config_id);
CREATE INDEX IF NOT EXISTS scores_created_at_idx ON public.scores USING btree (created_at);
CREATE INDEX IF NOT EXISTS scores_observation_id_idx ON public.scores USING hash (observation_id);
CREATE INDEX IF NOT EXISTS scores_project_id_name_idx ON public.scores USING btree (project_id, name);
CREATE INDEX IF NOT EXISTS scores_source_idx ON public.scores USING btree (source);
CREATE INDEX IF NOT EXISTS scores_timestamp_idx ON public.scores USING btree ("timestamp");
CREATE INDEX IF NOT EXISTS scores_trace_id_idx ON public.scores USING hash (trace_id);
CREATE INDEX IF NOT EXISTS scores_value_idx ON public.scores USING btree (value);

-- phase: prepare
SELECT langfuse_rollout.give_back_rows('traces');
SELECT langfuse_rollout.give_back_rows('observations');
SELECT langfuse_rollout.give_back_rows('scores');

-- phase: contract
SELECT langfuse_rollout.give_back_rows('background_migrations');
SELECT langfuse_rollout.insert_background_migration('32859a35-98f5-4a4a-b438-ebc579349e00',
  '20241024_1216_add_generations_cost_backfill', 'addGenerationsCostBackfill', '{}');
SELECT langfuse_rollout.insert_background_migration('5960f22a-748f-480c-b2f3-bc4f9d5d84bc',
  '20241024_1730_migrate_traces_from_pg_to_ch', 'migrateTracesFromPostgresToClickhouse', '{}');
SELECT langfuse_rollout.insert_background_migration('7526e7c9-0026-4595-af2c-369dfd9176ec',
  '20241024_1737_migrate_observations_from_pg_to_ch', 'migrateObservationsFromPostgresToClickhouse', '{}');
SELECT langfuse_rollout.insert_background_migration('94e50334-50d3-4e49-ad2e-9f6d92c85ef7',
  '20241024_1738_migrate_scores_from_pg_to_ch', 'migrateScoresFromPostgresToClickhouse', '{}');
-- end
