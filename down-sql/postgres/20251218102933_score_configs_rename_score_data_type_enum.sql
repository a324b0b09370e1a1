-- undoes: 20251218102933_score_configs_rename_score_data_type_enum
-- class: schema
-- loses: nothing
--
-- Prisma writes the name of the enum into its queries (CAST($1::text AS "public"."ScoreDataType")), so between the
-- phases both names must be there. The old one is a domain over the enum until contract: for assignments and
-- comparisons PostgreSQL takes a domain for the type below it, which a copy of the enum would not be.

-- phase: expand
DO $down$
BEGIN
  IF pg_catalog.to_regtype('public."ScoreDataType"') IS NULL
    AND pg_catalog.to_regtype('public."ScoreConfigDataType"') IS NOT NULL
  THEN
    CREATE DOMAIN public."ScoreDataType" AS public."ScoreConfigDataType";
  END IF;
END
$down$;

-- phase: contract
DO $down$
BEGIN
  IF EXISTS (
    SELECT FROM pg_catalog.pg_type
    WHERE oid = pg_catalog.to_regtype('public."ScoreDataType"') AND typtype = 'd'
  ) THEN
    DROP DOMAIN public."ScoreDataType";
  END IF;
END
$down$;
SELECT langfuse_rollout.rename_enum('ScoreConfigDataType', 'ScoreDataType');
-- end
