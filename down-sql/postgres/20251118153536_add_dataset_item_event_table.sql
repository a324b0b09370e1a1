-- undoes: 20251118153536_add_dataset_item_event_table
-- class: schema
-- loses: nothing; a table that has rows moves to the archive as it is
--
-- Only a log that 3.135 and 3.136 wrote when asked to; no release reads it. There is no count: in a database of
-- a release from 3.147.0 on the table is gone already.

-- phase: contract
SELECT langfuse_rollout.drop_table('dataset_item_events');
-- end
