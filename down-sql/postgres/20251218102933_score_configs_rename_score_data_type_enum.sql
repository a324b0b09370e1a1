-- undoes: 20251218102933_score_configs_rename_score_data_type_enum
-- class: schema
-- loses: nothing
--
-- Prisma writes the name of the enum into its queries (CAST($1::text AS "public"."ScoreDataType")), so between the
-- phases both names must be there. Until contract the old one is a domain over the enum: PostgreSQL assigns a value of
-- the one to a column of the other. It does not compare them, as the operators of enums ask for one type on both sides:
-- the two that Prisma uses are given here. (IN with several values needs none.)

-- phase: expand
DO $down$
BEGIN
  IF pg_catalog.to_regtype('public."ScoreDataType"') IS NULL
    AND pg_catalog.to_regtype('public."ScoreConfigDataType"') IS NOT NULL
  THEN
    CREATE DOMAIN public."ScoreDataType" AS public."ScoreConfigDataType";
    CREATE FUNCTION langfuse_rollout.score_data_types_equal(public."ScoreConfigDataType", public."ScoreDataType")
      RETURNS boolean LANGUAGE sql IMMUTABLE AS $sql$
        SELECT $1 OPERATOR(pg_catalog.=) $2::public."ScoreConfigDataType"
      $sql$;
    CREATE FUNCTION langfuse_rollout.score_data_types_differ(public."ScoreConfigDataType", public."ScoreDataType")
      RETURNS boolean LANGUAGE sql IMMUTABLE AS $sql$
        SELECT $1 OPERATOR(pg_catalog.<>) $2::public."ScoreConfigDataType"
      $sql$;
    CREATE OPERATOR public.= (
      LEFTARG = public."ScoreConfigDataType", RIGHTARG = public."ScoreDataType",
      FUNCTION = langfuse_rollout.score_data_types_equal
    );
    CREATE OPERATOR public.<> (
      LEFTARG = public."ScoreConfigDataType", RIGHTARG = public."ScoreDataType",
      FUNCTION = langfuse_rollout.score_data_types_differ
    );
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
    DROP OPERATOR IF EXISTS public.= (public."ScoreConfigDataType", public."ScoreDataType");
    DROP OPERATOR IF EXISTS public.<> (public."ScoreConfigDataType", public."ScoreDataType");
    DROP FUNCTION IF EXISTS langfuse_rollout.score_data_types_equal;
    DROP FUNCTION IF EXISTS langfuse_rollout.score_data_types_differ;
    DROP DOMAIN public."ScoreDataType";
  END IF;
END
$down$;
SELECT langfuse_rollout.rename_enum('ScoreConfigDataType', 'ScoreDataType');
-- end
