-- undoes: 0010
-- class: schema
-- loses: nothing; the values of scores.metadata go to the archive
-- count: values of scores.metadata that go to the archive: SELECT count() FROM scores WHERE notEmpty(metadata)

-- phase: contract
SELECT langfuse_rollout.archive_column('scores', 'metadata', 'notEmpty(metadata)');
SELECT langfuse_rollout.drop_columns('scores', 'metadata');
-- end
