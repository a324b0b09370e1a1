-- undoes: 20251127105316_add_pricing_tiers
-- class: schema
-- loses: nothing; pricing tiers, and the prices of tiers that are not the default one, go to the archive
-- count: pricing tiers that move to the archive: SELECT count(*) FROM public.pricing_tiers
-- count: prices of tiers other than the default, which go to the archive: SELECT count(*) FROM public.prices AS price JOIN public.pricing_tiers AS tier ON tier.id = price.pricing_tier_id WHERE NOT tier.is_default
--
-- The older release has one price for a model and a kind of usage. It keeps that of the default tier: a price of any
-- other tier is for the conditions of that tier (as a long context) and would be wrong for every call without them.
-- A later upgrade makes the default tier of each model anew, under the same id; the worker then adds those of Langfuse's
-- own models. Tiers of a project's own models are only in the archive.
--
-- Between the phases a trigger puts the older release's prices into the default tier, where the newer one looks for
-- them. What cannot be had: the older worker, when it starts, writes its list of prices with ON CONFLICT (model_id,
-- usage_type), which needs the unique index that the tiers forbid until contract. It logs an error for each model whose
-- price has changed, goes on, and writes them when it is started again.

-- phase: expand
SELECT langfuse_rollout.drop_not_null('prices', 'pricing_tier_id');

CREATE OR REPLACE FUNCTION langfuse_rollout.price_of_default_tier() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF NEW.pricing_tier_id IS NULL THEN
    INSERT INTO public.pricing_tiers (id, model_id, name, is_default, priority, conditions)
    SELECT NEW.model_id || '_tier_default', NEW.model_id, 'Standard', true, 0, '[]'
    WHERE NOT EXISTS (SELECT FROM public.pricing_tiers WHERE model_id = NEW.model_id AND is_default)
    ON CONFLICT DO NOTHING;

    SELECT tier.id INTO NEW.pricing_tier_id
    FROM public.pricing_tiers AS tier
    WHERE tier.model_id = NEW.model_id
    ORDER BY tier.is_default DESC, tier.priority, tier.id
    LIMIT 1;
  END IF;
  RETURN NEW;
END
$function$;

DO $down$
BEGIN
  IF pg_catalog.to_regclass('public.pricing_tiers') IS NOT NULL THEN
    CREATE OR REPLACE TRIGGER langfuse_rollout_price_of_default_tier BEFORE INSERT ON public.prices
      FOR EACH ROW EXECUTE FUNCTION langfuse_rollout.price_of_default_tier();
  END IF;
END
$down$;

-- phase: prepare
-- Before the older release computes costs with them: it would take any price of a model and a kind of usage.
DO $down$
BEGIN
  IF pg_catalog.to_regclass('public.pricing_tiers') IS NOT NULL THEN
    PERFORM langfuse_rollout.delete_rows('prices', $condition$
      this.pricing_tier_id <> (
        SELECT tier.id FROM public.pricing_tiers AS tier
        WHERE tier.model_id = this.model_id
        ORDER BY tier.is_default DESC, tier.priority, tier.id
        LIMIT 1
      )
    $condition$, 'a price of a tier that is not the default one');
  END IF;
END
$down$;

-- phase: contract
DROP TRIGGER IF EXISTS langfuse_rollout_price_of_default_tier ON public.prices;
DROP FUNCTION IF EXISTS langfuse_rollout.price_of_default_tier();

DO $down$
BEGIN
  IF pg_catalog.to_regclass('public.pricing_tiers') IS NOT NULL THEN
    LOCK TABLE public.prices IN ACCESS EXCLUSIVE MODE;
    -- Once more, for what came in since. Of prices that are alike in model and usage the youngest stays: a price whose
    -- tier is of another model, or one that has none.
    PERFORM langfuse_rollout.delete_rows('prices', $condition$
      this.pricing_tier_id <> (
        SELECT tier.id FROM public.pricing_tiers AS tier
        WHERE tier.model_id = this.model_id
        ORDER BY tier.is_default DESC, tier.priority, tier.id
        LIMIT 1
      )
    $condition$, 'a price of a tier that is not the default one');
    PERFORM langfuse_rollout.delete_rows('prices', $condition$
      EXISTS (
        SELECT FROM public.prices AS other
        WHERE other.model_id = this.model_id AND other.usage_type = this.usage_type
          AND (other.updated_at, other.id) > (this.updated_at, this.id)
      )
    $condition$, 'the older release has one price for a model and a kind of usage');
  END IF;
END
$down$;

SELECT langfuse_rollout.drop_column('prices', 'pricing_tier_id'); -- with its foreign key and indexes
SELECT langfuse_rollout.drop_table('pricing_tiers');
CREATE UNIQUE INDEX IF NOT EXISTS prices_model_id_usage_type_key ON public.prices USING btree (model_id, usage_type);
-- end
