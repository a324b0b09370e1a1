-- undoes: 0004
-- class: schema
-- loses: nothing
--
-- The index covers the first column of the primary key, which finds the same rows; old parts get it when they are merged.

-- phase: expand
ALTER TABLE observations ADD INDEX IF NOT EXISTS idx_project_id project_id TYPE bloom_filter() GRANULARITY 1;
-- end
