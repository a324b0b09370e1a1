-- undoes: 20260701115502_add_backfill_events_full_from_observations_background_migration
-- class: schema
-- loses: nothing; the row of the background migration, with its progress, goes to the archive
--
-- A worker from before 3.203.0 does not know what holds the row back (envGate), takes it up and finds no script for
-- it; then it looks at no other row until it is started again. So the row is paused in expand.
-- It goes in contract and not before: the newer worker may be at it until then.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('7a3f8d6e-2c91-4b5e-8d72-f4a5b6c7d8e9');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('7a3f8d6e-2c91-4b5e-8d72-f4a5b6c7d8e9');
-- end
