-- undoes: 20250711134738_add_patch_llm_tool_schema_audit_logs_background_migration
-- class: schema
-- loses: nothing; the background migration's state goes to the archive, and the next upgrade runs it from its start
-- count: background migrations that are not finished and are paused: SELECT count(*) FROM public.background_migrations AS this WHERE this.id = '3445cac4-d9d5-4750-8b65-351135c1b85e' AND this.finished_at IS NULL
--
-- A worker takes the first unfinished background migration by name, and one whose script its image lacks stops all
-- others. The older worker starts before the row goes, so a row that is not finished is marked as failed, which every
-- release passes over; a worker that is busy with it goes on.

-- phase: expand
SELECT langfuse_rollout.rewrite_rows('background_migrations',
  'failed_at = timezone(''UTC'', now()), failed_reason = ''paused by a rollback to a release that has not its script''',
  'this.id = ''3445cac4-d9d5-4750-8b65-351135c1b85e'' AND this.finished_at IS NULL AND this.failed_at IS NULL',
  'the older worker has not its script and would stop at it');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('3445cac4-d9d5-4750-8b65-351135c1b85e');
-- end
