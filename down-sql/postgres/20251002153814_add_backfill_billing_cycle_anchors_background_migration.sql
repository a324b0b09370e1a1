-- undoes: 20251002153814_add_backfill_billing_cycle_anchors_background_migration
-- class: schema
-- loses: nothing; the background migration's state goes to the archive; the next upgrade runs it from the start
-- count: background migrations that are not finished and are paused: SELECT count(*) FROM public.background_migrations AS this WHERE this.id = '0199b890-1093-7d1f-b662-be3c03527e93' AND this.finished_at IS NULL
--
-- A worker takes the first unfinished background migration by name, and one whose script its image lacks stops all
-- others. This one's name (20250102) sorts before some that the older release has itself, and the older worker starts
-- before the row goes. So a row that is not finished is marked as failed, which every release passes over; a worker that
-- is busy with it goes on.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('0199b890-1093-7d1f-b662-be3c03527e93');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('0199b890-1093-7d1f-b662-be3c03527e93');
-- end
