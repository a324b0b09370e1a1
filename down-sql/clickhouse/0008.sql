-- undoes: 0008
-- class: schema
-- loses: nothing; environments other than default go to the archive, and the older release shows all environments together
-- count: values of traces.environment that go to the archive: SELECT count() FROM traces WHERE environment != 'default'
-- count: values of observations.environment that go to the archive: SELECT count() FROM observations WHERE environment != 'default'
-- count: values of scores.environment that go to the archive: SELECT count() FROM scores WHERE environment != 'default'

-- phase: contract
SELECT langfuse_rollout.archive_column('traces', 'environment', 'environment != ''default''');
SELECT langfuse_rollout.drop_columns('traces', 'environment');

SELECT langfuse_rollout.archive_column('observations', 'environment', 'environment != ''default''');
SELECT langfuse_rollout.drop_columns('observations', 'environment');

SELECT langfuse_rollout.archive_column('scores', 'environment', 'environment != ''default''');
SELECT langfuse_rollout.drop_columns('scores', 'environment');
-- end
