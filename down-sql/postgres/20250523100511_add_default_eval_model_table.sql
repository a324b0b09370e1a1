-- undoes: 20250523100511_add_default_eval_model_table
-- class: schema
-- loses: nothing; the default models of evaluators go to the archive
-- count: default models of evaluators that go to the archive: SELECT count(*) FROM public.default_llm_models
--
-- Evaluators that live on the default have got its model from the undoing of 20250523110540 by then.

-- phase: contract
SELECT langfuse_rollout.drop_table('default_llm_models');
-- end
