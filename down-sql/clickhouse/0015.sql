-- undoes: 0015
-- class: schema
-- loses: nothing; the index only makes searches by trace faster

-- phase: contract
ALTER TABLE scores DROP INDEX IF EXISTS idx_project_trace_observation;
-- end
