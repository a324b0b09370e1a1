-- undoes: 0037
-- class: schema
-- loses: nothing; the indexes only make searches by time of creation faster

-- phase: contract
ALTER TABLE observations DROP INDEX IF EXISTS idx_created_at;
ALTER TABLE traces DROP INDEX IF EXISTS idx_created_at;
ALTER TABLE scores DROP INDEX IF EXISTS idx_created_at;
-- end
