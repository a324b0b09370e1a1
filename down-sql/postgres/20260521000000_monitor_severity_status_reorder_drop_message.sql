-- undoes: 20260521000000_monitor_severity_status_reorder_drop_message
-- class: schema
-- loses: nothing; no release has ever written monitors.message, which the upgrade dropped
--
-- The table came with the same release as this migration (3.175.0), so no release is between the two.

-- phase: expand
SELECT langfuse_rollout.add_column('monitors', 'message', 'text NOT NULL DEFAULT ''''');

-- phase: contract
SELECT langfuse_rollout.rebuild_enum('MonitorSeverity', ARRAY['UNKNOWN', 'OK', 'WARNING', 'ALERT', 'NO_DATA']);
SELECT langfuse_rollout.rebuild_enum('MonitorStatus', ARRAY['ACTIVE', 'PAUSED', 'ERROR_BAD_QUERY']);
-- end
