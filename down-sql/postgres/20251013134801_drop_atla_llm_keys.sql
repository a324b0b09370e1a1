-- undoes: 20251013134801_drop_atla_llm_keys
-- class: lossy
-- loses: LLM keys of the adapter atla, which the upgrade deleted with their secrets; only a backup from before the upgrade has them
--
-- The migration changed no schema, and what it deleted cannot be made again: there is nothing to run.

-- phase: contract
SELECT 'nothing to undo';
-- end
