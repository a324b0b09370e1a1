-- undoes: 20260701115501_add_rewrite_observations_to_pid_tid_sorting_background_migration
-- class: schema
-- loses: nothing; the row of the background migration, with its progress, goes to the archive
--
-- A worker from before 3.203.0 does not know what holds the row back (envGate), takes it up and finds no script for
-- it; then it looks at no other row until it is started again. So the row is paused in expand.
-- It goes in contract and not before: the newer worker may be at it until then.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('9c2d5a4f-7b8e-4f6a-a91c-3e5d7f8a2b1c');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('9c2d5a4f-7b8e-4f6a-a91c-3e5d7f8a2b1c');
-- end
