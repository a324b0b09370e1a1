-- undoes: 0018
-- class: schema
-- loses: nothing; the index only makes searches by dataset run faster

-- phase: contract
ALTER TABLE scores DROP INDEX IF EXISTS idx_project_dataset_run;
-- end
