-- undoes: 20260701115500_add_create_root_spans_background_migration
-- class: schema
-- loses: nothing; the row of the background migration, with its progress, goes to the archive
--
-- A worker from before 3.203.0 does not know what holds the row back (envGate), takes it up and finds no script for
-- it; then it looks at no other row until it is started again. So the row is paused in expand.
-- It goes in contract and not before: the newer worker may be at it until then.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('8e1f4a2b-5c63-4d8e-9a47-1b2f3c4d5e6f');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('8e1f4a2b-5c63-4d8e-9a47-1b2f3c4d5e6f');
-- end
