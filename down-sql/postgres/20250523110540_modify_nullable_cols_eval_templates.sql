-- undoes: 20250523110540_modify_nullable_cols_eval_templates
-- class: schema
-- loses: nothing; evaluators that use Langfuse's templates get a copy in their project. Templates without a model get the project's default model; without one, their evaluators are turned off
-- count: evaluators that get a copy of their template: SELECT count(*) FROM public.job_configurations AS this JOIN public.eval_templates AS template ON template.id = this.eval_template_id WHERE template.project_id IS NULL
-- count: evaluators of projects without a default model, which are turned off: SELECT count(*) FROM public.job_configurations AS this JOIN public.eval_templates AS template ON template.id = this.eval_template_id WHERE this.status::text = 'ACTIVE' AND (template.model IS NULL OR template.provider IS NULL) AND NOT EXISTS (SELECT FROM public.default_llm_models AS standard WHERE standard.project_id = this.project_id)
-- count: templates of Langfuse's own that go to the archive: SELECT count(*) FROM public.eval_templates AS this WHERE this.project_id IS NULL
--
-- To the older release a template belongs to a project and names its model. Deleting the others would set
-- job_configurations.eval_template_id to NULL (ON DELETE SET NULL): evaluators would stop without a word, and nothing
-- would be left to say which template they had. So each project that uses a template of Langfuse's own gets a copy, and
-- its evaluators move to the copy, which works in both releases. Only then the originals go. The next newer worker
-- makes them anew under their ids, with no project; a row kept under such an id would stay one project's for ever.

-- phase: contract
DO $down$
DECLARE
  used record;
  free_name text;
BEGIN
  -- The column goes at the end, so without it all of this is done.
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute
    WHERE attrelid = pg_catalog.to_regclass('public.eval_templates') AND attname = 'partner' AND NOT attisdropped
  ) THEN
    RETURN;
  END IF;

  FOR used IN
    SELECT DISTINCT evaluator.project_id AS project, template.*
    FROM public.job_configurations AS evaluator
    JOIN public.eval_templates AS template ON template.id = evaluator.eval_template_id
    WHERE template.project_id IS NULL
    ORDER BY evaluator.project_id, template.name, template.version, template.id
  LOOP
    -- A version under a name that the project has already would become that template's latest one.
    free_name := used.name;
    FOR number IN 2 .. 1000 LOOP
      EXIT WHEN NOT EXISTS (
        SELECT FROM public.eval_templates AS other WHERE other.project_id = used.project AND other.name = free_name
      );
      free_name := pg_catalog.format('%s (%s)', used.name, number);
    END LOOP;

    INSERT INTO public.eval_templates (id, created_at, updated_at, project_id, name, version, prompt, partner,
      model, provider, model_params, vars, output_schema)
    VALUES (
      -- As below. The date is in it because a template of Langfuse's own changes without getting another version.
      'copy-' || pg_catalog.md5(used.project || ' ' || used.id || ' ' || used.updated_at),
      used.created_at, used.updated_at, used.project, free_name, used.version, used.prompt, used.partner,
      used.model, used.provider, used.model_params, used.vars, used.output_schema)
    -- From an earlier rollback.
    ON CONFLICT (id) DO NOTHING;
  END LOOP;

  PERFORM langfuse_rollout.rewrite_rows('job_configurations',
    $$eval_template_id = (
        SELECT 'copy-' || md5(this.project_id || ' ' || template.id || ' ' || template.updated_at)
        FROM public.eval_templates AS template WHERE template.id = this.eval_template_id)$$,
    $$EXISTS (
        SELECT FROM public.eval_templates AS template
        WHERE template.id = this.eval_template_id AND template.project_id IS NULL)$$,
    'its template is one of Langfuse''s own; it moves to the copy that its project gets');

  PERFORM langfuse_rollout.rewrite_rows('job_configurations',
    $$status = 'INACTIVE'$$,
    $$this.status::text = 'ACTIVE'
      AND EXISTS (
        SELECT FROM public.eval_templates AS template
        WHERE template.id = this.eval_template_id AND (template.model IS NULL OR template.provider IS NULL))
      AND NOT EXISTS (SELECT FROM public.default_llm_models AS standard WHERE standard.project_id = this.project_id)$$,
    'its template names no model, and its project has no default model');

  -- Model and provider belong together; the older release reads the parameters as an object.
  PERFORM langfuse_rollout.rewrite_rows('eval_templates',
    $$(model, provider, model_params) = (
        SELECT
          coalesce(kept.model, standard.model, 'none'),
          coalesce(kept.provider, standard.provider, 'none'),
          coalesce(kept.model_params, nullif(standard.model_params, 'null'), '{}')
        FROM (
          SELECT
            CASE WHEN this.provider IS NOT NULL THEN this.model END AS model,
            CASE WHEN this.model IS NOT NULL THEN this.provider END AS provider,
            nullif(this.model_params, 'null') AS model_params
        ) AS kept
        LEFT JOIN public.default_llm_models AS standard ON standard.project_id = this.project_id)$$,
    $$this.project_id IS NOT NULL
      AND (this.model IS NULL OR this.provider IS NULL OR coalesce(this.model_params, 'null') = 'null')$$,
    'it names no model; the older release has no default model');

  PERFORM langfuse_rollout.delete_rows('eval_templates', 'this.project_id IS NULL',
    'a template of Langfuse''s own; the older release knows templates of projects only');
  PERFORM langfuse_rollout.set_not_null('eval_templates', 'project_id', NULL);
  PERFORM langfuse_rollout.set_not_null('eval_templates', 'model', NULL);
  PERFORM langfuse_rollout.set_not_null('eval_templates', 'provider', NULL);
  PERFORM langfuse_rollout.set_not_null('eval_templates', 'model_params', NULL);
  PERFORM langfuse_rollout.drop_column('eval_templates', 'partner');
END
$down$;
-- end
