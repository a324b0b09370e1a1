-- undoes: 20250711134738_add_patch_llm_tool_schema_audit_logs_background_migration
-- class: schema
-- loses: nothing; the background migration's state goes to the archive; the next upgrade runs it from the start
--
-- The row must go, or the next upgrade could not insert it again. It goes in contract and not before, since a newer
-- worker may be at it until then. An older worker that starts meanwhile does not have its script and would stop at it:
-- so it is paused in expand.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('3445cac4-d9d5-4750-8b65-351135c1b85e');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('3445cac4-d9d5-4750-8b65-351135c1b85e');
-- end
