-- undoes: 0014
-- class: schema
-- loses: nothing; scores without a trace get an empty trace id; the archive lists them
-- count: scores without a trace, which get an empty trace id: SELECT count() FROM scores WHERE trace_id IS NULL
--
-- Langfuse's own way back repeats the way up and leaves the column as it is.
-- Until 25.8, ClickHouse does not make NULL into a value when a type changes: the mutation fails for ever and blocks
-- the table. Since then it wants a DEFAULT to put there (https://github.com/ClickHouse/ClickHouse/pull/84770). So the
-- NULLs go first, with UPDATE; the DEFAULT is there for as long as the type changes.

-- phase: contract
SELECT langfuse_rollout.archive_column('scores', 'trace_id', 'trace_id IS NULL');
ALTER TABLE scores UPDATE trace_id = '' WHERE trace_id IS NULL SETTINGS mutations_sync = 1;
ALTER TABLE scores MODIFY COLUMN trace_id String DEFAULT '';
ALTER TABLE scores MODIFY COLUMN trace_id REMOVE DEFAULT;
-- end
