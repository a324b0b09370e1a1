-- undoes: 20260522113010_add_paused_monitor_severity
-- class: schema
-- loses: nothing; the severity of paused monitors becomes UNKNOWN, and the triggers of each monitor go to the archive
-- count: monitors with the severity PAUSED: SELECT count(*) FROM public.monitors AS this WHERE this.severity::text = 'PAUSED'
-- count: monitors with triggers of their own: SELECT count(*) FROM public.monitors AS this WHERE this.trigger_ids <> '{}'
--
-- That a monitor is paused stands in its status; UNKNOWN is what the newer release gives one that it starts again.
-- What severity the monitors had before the upgrade set PAUSED is not known any more; the older release finds it out.

-- phase: contract
SELECT langfuse_rollout.rebuild_enum('MonitorSeverity', ARRAY['UNKNOWN', 'NO_DATA', 'OK', 'WARNING', 'ALERT'],
  '{"PAUSED": "UNKNOWN"}');
SELECT langfuse_rollout.drop_column('monitors', 'trigger_ids');
-- end
