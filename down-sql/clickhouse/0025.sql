-- undoes: 0025
-- class: schema
-- loses: nothing; the indexes only make searches in metadata faster

-- phase: contract
ALTER TABLE observations DROP INDEX IF EXISTS idx_res_metadata_key, DROP INDEX IF EXISTS idx_res_metadata_value;
-- end
