-- undoes: 0034
-- class: schema
-- loses: nothing; long texts of scores go to the archive
-- count: values of scores.long_string_value that go to the archive: SELECT count() FROM scores WHERE long_string_value != ''

-- phase: contract
SELECT langfuse_rollout.archive_column('scores', 'long_string_value', 'long_string_value != ''''');
SELECT langfuse_rollout.drop_columns('scores', 'long_string_value');
-- end
