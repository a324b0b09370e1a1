-- undoes: 0006
-- class: schema
-- loses: nothing; the index on traces.user_id only makes searches by user faster

-- phase: contract
ALTER TABLE traces DROP INDEX IF EXISTS idx_user_id;
-- end
