-- undoes: 20260518090000_add_code_eval_template_fields
-- class: schema
-- loses: nothing; the source of code evaluators goes to the archive; the evaluators are turned off
-- count: evaluator templates that are code: SELECT count(*) FROM public.eval_templates AS this WHERE this.type::text = 'CODE'
-- count: active evaluators that run code, which are turned off: SELECT count(*) FROM public.job_configurations AS this JOIN public.eval_templates AS template ON template.id = this.eval_template_id WHERE template.type::text = 'CODE' AND this.status::text = 'ACTIVE'
--
-- The older release asks a model with the prompt of every template. A template that is code has none: it stays, with
-- an empty prompt, since deleting it would take it from its evaluators without a word (ON DELETE SET NULL); and the
-- evaluators that use it are switched off, so that no model is paid for an empty question.

-- phase: contract
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.eval_templates'), 'type') IS NOT NULL THEN
    PERFORM langfuse_rollout.rewrite_rows('job_configurations', $set$ status = 'INACTIVE' $set$, $condition$
      this.status::text = 'ACTIVE' AND EXISTS (
        SELECT FROM public.eval_templates AS template
        WHERE template.id = this.eval_template_id AND (template.type::text = 'CODE' OR template.prompt IS NULL)
      )
    $condition$, 'its template is code, which the older release cannot run');
  END IF;
END
$down$;
SELECT langfuse_rollout.set_not_null('eval_templates', 'prompt', '''''');
SELECT langfuse_rollout.set_not_null('eval_templates', 'output_schema', '''{"score": "", "reasoning": ""}''');
SELECT langfuse_rollout.drop_column('eval_templates', 'source_code');
SELECT langfuse_rollout.drop_column('eval_templates', 'source_code_language');
SELECT langfuse_rollout.drop_column('eval_templates', 'type');
SELECT langfuse_rollout.drop_enum('EvalTemplateSourceCodeLanguage');
SELECT langfuse_rollout.drop_enum('EvalTemplateType');
-- end
