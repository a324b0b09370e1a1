-- undoes: 20260701115504_add_drop_pid_tid_sorting_tables_background_migration
-- class: schema
-- loses: nothing; the row of the background migration, with its progress, goes to the archive
--
-- A worker from before 3.203.0 does not know what holds the row back (envGate), takes it up and finds no script for
-- it; then it looks at no other row until it is started again. So the row is paused in expand.
-- It goes in contract and not before: the newer worker may be at it until then.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('b3f1c5d8-9e47-4a26-8b3f-5c6d7e8f9a01');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('b3f1c5d8-9e47-4a26-8b3f-5c6d7e8f9a01');
-- end
