-- undoes: 20250204180200_add_event_log_table
-- class: schema
-- loses: nothing; the log of uploaded events goes to the archive as a table
-- count: logged events that go to the archive: SELECT CASE WHEN to_regclass('public.event_log') IS NULL THEN 0 ELSE (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM public.event_log', false, true, '')))[1]::text::bigint END
--
-- The count looks through XML because the next migrations drop the table, and a plain SELECT would then fail.

-- phase: contract
SELECT langfuse_rollout.drop_table('event_log');
-- end
