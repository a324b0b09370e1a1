-- undoes: 0012
-- class: schema
-- loses: nothing; the session ids of scores go to the archive
-- count: values of scores.session_id that go to the archive: SELECT count() FROM scores WHERE session_id IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.archive_column('scores', 'session_id', 'session_id IS NOT NULL');
SELECT langfuse_rollout.drop_columns('scores', 'session_id');
-- end
