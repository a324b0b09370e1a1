-- undoes: 20260518092907_add_monitors
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: monitors that move to the archive: SELECT count(*) FROM public.monitors
--
-- The four enums go to the archive with a table that has rows.

-- phase: contract
SELECT langfuse_rollout.drop_table('monitors');
SELECT langfuse_rollout.drop_enum('MonitorSeverity');
SELECT langfuse_rollout.drop_enum('MonitorStatus');
SELECT langfuse_rollout.drop_enum('MonitorThresholdOperator');
SELECT langfuse_rollout.drop_enum('MonitorView');
-- end
