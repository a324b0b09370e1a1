-- undoes: 20260529120000_add_organization_ai_telemetry_enabled
-- class: schema
-- loses: nothing; the list of organizations that turned AI telemetry off goes to the archive
-- count: organizations that turned AI telemetry off: SELECT count(*) FROM public.organizations AS this WHERE NOT this.ai_telemetry_enabled

-- phase: contract
SELECT langfuse_rollout.drop_column('organizations', 'ai_telemetry_enabled');
-- end
