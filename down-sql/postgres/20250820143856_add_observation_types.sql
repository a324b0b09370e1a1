-- undoes: 20250820143856_add_observation_types
-- class: schema
-- loses: nothing; observations of the newer types become generations (embeddings) or spans (all others)
-- count: observations of the newer types: SELECT CASE WHEN to_regclass('public.observations') IS NULL THEN 0 ELSE (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM public.observations AS this WHERE this.type::text NOT IN (''SPAN'', ''EVENT'', ''GENERATION'')', false, true, '')))[1]::text::bigint END
--
-- An embedding has a model, tokens and costs, which in the older release only a generation has; the others are steps
-- with a start and an end, which is a span. Observations of these releases are in ClickHouse, where the type is text
-- and stays as it is; Postgres has some only where they were copied there.
-- The table can be big, and another type rewrites every row: in validate that holds this table alone, and nobody has
-- to wait for the others.
-- The count looks through XML because 4.0.0 drops the table, and a plain SELECT would then fail.

-- phase: validate
SELECT langfuse_rollout.rebuild_enum('ObservationType', ARRAY['SPAN', 'EVENT', 'GENERATION'],
  '{"AGENT": "SPAN", "TOOL": "SPAN", "CHAIN": "SPAN", "RETRIEVER": "SPAN", "EVALUATOR": "SPAN", "EMBEDDING": "GENERATION",
    "GUARDRAIL": "SPAN"}');
-- end
