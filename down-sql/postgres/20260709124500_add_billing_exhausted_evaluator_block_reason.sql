-- undoes: 20260709124500_add_billing_exhausted_evaluator_block_reason
-- class: schema
-- loses: nothing; two reasons for blocked evaluators become older reasons; the archive keeps the originals
-- count: evaluators that are blocked for one of the two reasons: SELECT count(*) FROM public.job_configurations AS this WHERE this.block_reason::text IN ('LLM_CONNECTION_BILLING_EXHAUSTED', 'LLM_CONNECTION_ENDPOINT_UNREACHABLE')
--
-- Used up credit becomes an account that is not ready, an endpoint that cannot be reached a model that is not
-- available. The evaluators stay blocked, and block_message goes on saying what it was.

-- phase: contract
SELECT langfuse_rollout.rebuild_enum('EvaluatorBlockReason',
  ARRAY['LLM_CONNECTION_AUTH_INVALID', 'LLM_CONNECTION_MISSING', 'DEFAULT_EVAL_MODEL_MISSING',
    'EVAL_MODEL_CONFIG_INVALID', 'EVAL_MODEL_UNAVAILABLE', 'PROVIDER_ACCOUNT_NOT_READY'],
  '{"LLM_CONNECTION_BILLING_EXHAUSTED": "PROVIDER_ACCOUNT_NOT_READY", "LLM_CONNECTION_ENDPOINT_UNREACHABLE": "EVAL_MODEL_UNAVAILABLE"}');
-- end
