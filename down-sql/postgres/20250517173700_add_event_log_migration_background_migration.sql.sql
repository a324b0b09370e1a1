-- undoes: 20250517173700_add_event_log_migration_background_migration.sql
-- class: schema
-- loses: nothing; the background migration's state goes to the archive; the next upgrade runs it from the start
--
-- The row must go, or the next upgrade could not insert it again. It goes in contract and not before, since a newer
-- worker may be at it until then. An older worker that starts meanwhile does not have its script and would stop at it:
-- so it is paused in expand.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('c19b91d9-f9a2-468b-8209-95578f970c5b');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('c19b91d9-f9a2-468b-8209-95578f970c5b');
-- end
