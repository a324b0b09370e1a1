-- undoes: 0006
-- class: schema
-- loses: nothing; the index only makes searches by user faster

-- phase: contract
ALTER TABLE traces DROP INDEX IF EXISTS idx_user_id;
-- end
