-- undoes: 20250925133604_organizations_add_ai_features_enabled
-- class: schema
-- loses: nothing; the list of organizations with AI features goes to the archive
-- count: organizations that use AI features: SELECT count(*) FROM public.organizations AS this WHERE this.ai_features_enabled

-- phase: contract
SELECT langfuse_rollout.drop_column('organizations', 'ai_features_enabled');
-- end
