-- undoes: 20250711105322_prices_add_project_id
-- class: schema
-- loses: nothing; the next upgrade fills the project of each price again from its model
-- count: prices of models that belong to a project: SELECT count(*) FROM public.prices AS this WHERE this.project_id IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_constraint('prices', 'prices_project_id_fkey');
SELECT langfuse_rollout.drop_column('prices', 'project_id');
-- end
