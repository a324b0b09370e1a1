-- undoes: 0005
-- class: schema
-- loses: nothing; the index only makes searches by session faster

-- phase: contract
ALTER TABLE traces DROP INDEX IF EXISTS idx_session_id;
-- end
