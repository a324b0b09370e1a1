-- undoes: 20260507120000_share_pending_verified_domains
-- class: schema
-- loses: nothing; claims to a domain that another organization verified or claimed earlier go to the archive
-- count: claims to a domain of which another claim is kept: SELECT count(*) FROM public.verified_domains AS this WHERE EXISTS (SELECT FROM public.verified_domains AS other WHERE other.domain = this.domain AND (other.verified_at IS NULL, other.created_at, other.id) < (this.verified_at IS NULL, this.created_at, this.id))
--
-- The older schema allows one claim to a domain. The verified one stays, else the oldest. No release is between this
-- migration and the one that adds the table (both came with 3.173.0).

-- phase: contract
SELECT langfuse_rollout.drop_index('verified_domains_organization_id_domain_key');
SELECT langfuse_rollout.drop_index('verified_domains_domain_verified_key');
SELECT langfuse_rollout.delete_rows('verified_domains', $condition$
  EXISTS (
    SELECT FROM public.verified_domains AS other
    WHERE other.domain = this.domain
      AND (other.verified_at IS NULL, other.created_at, other.id) < (this.verified_at IS NULL, this.created_at, this.id)
  )
$condition$, 'another claim to the domain is kept');
DO $down$
BEGIN
  IF pg_catalog.to_regclass('public.verified_domains') IS NOT NULL THEN
    CREATE UNIQUE INDEX IF NOT EXISTS verified_domains_domain_key ON public.verified_domains USING btree (domain);
  END IF;
END
$down$;
-- end
