-- undoes: 20251104091248_add_dataset_schema_enforcement
-- class: schema
-- loses: nothing; schemas of dataset items go to the archive, and the older release takes any item
-- count: datasets with a schema for their items: SELECT count(*) FROM public.datasets AS this WHERE this.input_schema IS NOT NULL OR this.expected_output_schema IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('datasets', 'input_schema');
SELECT langfuse_rollout.drop_column('datasets', 'expected_output_schema');
-- end
