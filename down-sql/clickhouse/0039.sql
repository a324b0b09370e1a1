-- undoes: 0039
-- class: restore
-- loses: from the older release's sight, everything that was written while LANGFUSE_MIGRATION_V4_WRITE_MODE was events_only (the default of v4): it is in events_full only, which moves to the archive and which the older release does not read
-- count: rows of events_full that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'events_full'
-- count: events written after the last row of traces, which the older release does not show: SELECT count() FROM events_full WHERE created_at > (SELECT max(created_at) FROM traces)
--
-- While the mode was dual or legacy, traces and observations have everything, and nothing is missing after the rollback.
--
-- Moved, the table keeps its full-text indexes and settings. ClickHouse before 25.12 knows neither: it does not load
-- such a table, and may not start. So ClickHouse keeps its newer version when Langfuse goes back to v3 (v3 runs on it).
-- Who has to go back with ClickHouse too does so after this phase, never between expand and contract, and first takes
-- the archived tables out of what the server loads, which can be undone with ATTACH TABLE on a newer server:
-- `DETACH TABLE langfuse_rollout.events_full__0039__… PERMANENTLY`.
-- ClickHouse itself supports going back by about a year of releases, and only before newer features were used.

-- phase: contract
SELECT langfuse_rollout.drop_table('events_full');
-- end
