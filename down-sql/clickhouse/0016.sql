-- undoes: 0016
-- class: schema
-- loses: nothing; the index only makes searches by session faster

-- phase: contract
ALTER TABLE scores DROP INDEX IF EXISTS idx_project_session;
-- end
