-- undoes: 0035
-- class: schema
-- loses: nothing; the API key and SDK of each score go to the archive
-- count: values of scores.ingestion_api_key that go to the archive: SELECT count() FROM scores WHERE ingestion_api_key != ''
-- count: values of scores.ingestion_sdk_name that go to the archive: SELECT count() FROM scores WHERE ingestion_sdk_name != 'unknown'
-- count: values of scores.ingestion_sdk_version that go to the archive: SELECT count() FROM scores WHERE ingestion_sdk_version != 'unknown'

-- phase: contract
SELECT langfuse_rollout.archive_column('scores', 'ingestion_api_key', 'ingestion_api_key != ''''');
SELECT langfuse_rollout.archive_column('scores', 'ingestion_sdk_name', 'ingestion_sdk_name != ''unknown''');
SELECT langfuse_rollout.archive_column('scores', 'ingestion_sdk_version', 'ingestion_sdk_version != ''unknown''');
SELECT langfuse_rollout.drop_columns('scores', 'ingestion_api_key', 'ingestion_sdk_name', 'ingestion_sdk_version');
-- end
