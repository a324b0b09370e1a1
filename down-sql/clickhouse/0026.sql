-- undoes: 0026
-- class: schema
-- loses: nothing; the index only makes searches by trace faster

-- phase: contract
ALTER TABLE dataset_run_items_rmt DROP INDEX IF EXISTS idx_trace_id;
-- end
