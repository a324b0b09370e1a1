-- undoes: 20260623093628_add_sfdc_id_columns
-- class: schema
-- loses: nothing; the ids go to the archive
-- count: organizations with an id in Salesforce: SELECT count(*) FROM public.organizations AS this WHERE this.sfdc_org_id IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('organizations', 'sfdc_org_id');
-- end
