-- undoes: 0039
-- class: restore
-- loses: in the older release, everything written while LANGFUSE_MIGRATION_V4_WRITE_MODE was events_only (v4's default): only events_full has it, and events_full moves to the archive
-- count: rows of events_full that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'events_full'
-- written: events written after the last row of traces, which the older release does not show: SELECT count() FROM events_full WHERE created_at > (SELECT max(created_at) FROM traces)
-- count: rows of observations_pid_tid_sorting that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'observations_pid_tid_sorting'
-- filled-by: 20260701_v4_step_1_create_root_spans_from_traces
-- filled-by: 20260701_v4_step_2_rewrite_observations_to_pid_tid_sorting
-- filled-by: 20260701_v4_step_3_backfill_events_full_from_observations
-- filled-by: 20260701_v4_step_4_backfill_events_full_from_dataset_run_items
-- filled-by: 20260701_v4_step_5_drop_pid_tid_sorting_tables
--
-- While the mode was dual or legacy, traces and observations have everything, and nothing is missing after the rollback.
--
-- Moved, the table keeps its full-text indexes and settings, and a ClickHouse before 25.12 does not start with such a
-- table in any database (25.5: "Load job 'load table …' failed"). So ClickHouse keeps its newer version when Langfuse
-- goes back to v3, which runs on it. That is the only safe way anyway: 25.5 sets parts that 26.7 wrote aside as
-- broken-on-start, of every table, and starts without their rows and without an error. Who has to go back with
-- ClickHouse restores its files from before the upgrade; or, within what ClickHouse supports (about a year of releases,
-- no newer features used), changes its image after this phase, never between expand and contract, and first takes the
-- table out of what the server loads, until a newer server attaches it again:
-- `DETACH TABLE langfuse_rollout.events_full__0039__… PERMANENTLY`.

-- Step 2 of the backfill makes observations_pid_tid_sorting, and step 3 fills events_full from it without a look at what
-- has been deleted since. So the table goes too: left behind, it would show observations again that a user deleted.

-- phase: contract
SELECT langfuse_rollout.drop_table('events_full');
SELECT langfuse_rollout.drop_table('observations_pid_tid_sorting');
-- end
