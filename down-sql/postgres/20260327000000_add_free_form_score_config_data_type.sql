-- undoes: 20260327000000_add_free_form_score_config_data_type
-- class: schema
-- loses: nothing; score configs for free text are archived, and become categorical without categories
-- count: score configs for free text: SELECT count(*) FROM public.score_configs AS this WHERE this.data_type::text = 'TEXT'
--
-- Text is nearest to a category. The older release wants a list of categories, which may be empty; nobody could choose
-- from it, so the config is put out of use (is_archived), which keeps it for the scores that refer to it.
--
-- Rebuilding the enum rewrites the tables that use it: score_configs, and before v4 also the old table scores, which
-- v3 does not read but which is big where a v2 once ran.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('score_configs',
  $set$ data_type = 'CATEGORICAL', categories = '[]', min_value = NULL, max_value = NULL, is_archived = true $set$,
  $condition$ this.data_type::text = 'TEXT' $condition$, 'the older release has no scores of free text');

-- 20251218102933_score_configs_rename_score_data_type_enum has given the enum its older name as a domain, which would
-- hold on to the type. Nobody sees it go: this transaction locks the tables, and gives the enum that name at its end.
DO $down$
BEGIN
  IF EXISTS (
    SELECT FROM pg_catalog.pg_type
    WHERE oid = pg_catalog.to_regtype('public."ScoreDataType"') AND typtype = 'd'
  ) THEN
    DROP OPERATOR IF EXISTS public.= (public."ScoreConfigDataType", public."ScoreDataType");
    DROP OPERATOR IF EXISTS public.<> (public."ScoreConfigDataType", public."ScoreDataType");
    DROP FUNCTION IF EXISTS langfuse_rollout.score_data_types_equal;
    DROP FUNCTION IF EXISTS langfuse_rollout.score_data_types_differ;
    DROP DOMAIN public."ScoreDataType";
  END IF;
END
$down$;
SELECT langfuse_rollout.rebuild_enum('ScoreConfigDataType', ARRAY['CATEGORICAL', 'NUMERIC', 'BOOLEAN'],
  '{"TEXT": "CATEGORICAL"}');
-- end
