-- undoes: 0013
-- class: schema
-- loses: nothing
--
-- In contract, because migration 0015 makes an index of this very name again: it goes in contract too, and before.
-- It is waited for: while an index is being built, a later upgrade could not drop it again.

-- phase: contract
ALTER TABLE scores ADD INDEX IF NOT EXISTS idx_project_trace_observation
  (project_id, trace_id, observation_id) TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE scores MATERIALIZE INDEX idx_project_trace_observation SETTINGS mutations_sync = 1;
-- end
