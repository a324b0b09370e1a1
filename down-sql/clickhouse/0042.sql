-- undoes: 0042
-- class: schema
-- loses: nothing; the API key and SDK of each event go to the archive
-- count: values of observations_batch_staging.ingestion_api_key that go to the archive: SELECT count() FROM observations_batch_staging WHERE ingestion_api_key != ''
-- count: values of observations_batch_staging.ingestion_sdk_name that go to the archive: SELECT count() FROM observations_batch_staging WHERE ingestion_sdk_name != 'unknown'
-- count: values of observations_batch_staging.ingestion_sdk_version that go to the archive: SELECT count() FROM observations_batch_staging WHERE ingestion_sdk_version != 'unknown'
-- count: values of events_full.ingestion_api_key that go to the archive: SELECT count() FROM events_full WHERE ingestion_api_key != ''
-- count: values of events_full.ingestion_sdk_name that go to the archive: SELECT count() FROM events_full WHERE ingestion_sdk_name != 'unknown'
-- count: values of events_full.ingestion_sdk_version that go to the archive: SELECT count() FROM events_full WHERE ingestion_sdk_version != 'unknown'
-- count: values of events_core.ingestion_api_key that go to the archive: SELECT count() FROM events_core WHERE ingestion_api_key != ''
-- count: values of events_core.ingestion_sdk_name that go to the archive: SELECT count() FROM events_core WHERE ingestion_sdk_name != 'unknown'
-- count: values of events_core.ingestion_sdk_version that go to the archive: SELECT count() FROM events_core WHERE ingestion_sdk_version != 'unknown'
--
-- First the view, which reads the columns. Without SETTINGS at its end: Langfuse's own way back leaves them in the view's
-- query, where they were not before.
-- When the tables themselves go to the archive (0038 to 0040), the columns go there within them.

-- phase: contract
ALTER TABLE events_core_mv MODIFY QUERY
SELECT
  project_id, trace_id, span_id, parent_span_id, start_time, end_time, name, type, environment,
  version, release, trace_name, user_id, session_id, tags, level, status_message,
  completion_start_time, is_app_root, bookmarked, public, prompt_id, prompt_name, prompt_version,
  model_id, provided_model_name, model_parameters, provided_usage_details, usage_details,
  provided_cost_details, cost_details, usage_pricing_tier_id, usage_pricing_tier_name,
  tool_definitions, tool_calls, tool_call_names, leftUTF8(input, 200) AS input,
  leftUTF8(output, 200) AS output, metadata_names,
  arrayMap(v -> leftUTF8(v, 200), metadata_values) AS metadata_values,
  experiment_id, experiment_name, experiment_metadata_names, experiment_metadata_values,
  experiment_description, experiment_dataset_id, experiment_item_id, experiment_item_version,
  experiment_item_expected_output, experiment_item_metadata_names,
  experiment_item_metadata_values, experiment_item_root_span_id, source, service_name,
  service_version, scope_name, scope_version, telemetry_sdk_language, telemetry_sdk_name,
  telemetry_sdk_version, blob_storage_file_path, event_bytes, created_at, updated_at, event_ts,
  is_deleted
FROM events_full;

SELECT langfuse_rollout.archive_column('observations_batch_staging', 'ingestion_api_key', 'ingestion_api_key != ''''');
SELECT langfuse_rollout.archive_column('observations_batch_staging', 'ingestion_sdk_name', 'ingestion_sdk_name != ''unknown''');
SELECT langfuse_rollout.archive_column('observations_batch_staging', 'ingestion_sdk_version', 'ingestion_sdk_version != ''unknown''');
SELECT langfuse_rollout.drop_columns('observations_batch_staging', 'ingestion_api_key', 'ingestion_sdk_name', 'ingestion_sdk_version');

SELECT langfuse_rollout.archive_column('events_full', 'ingestion_api_key', 'ingestion_api_key != ''''');
SELECT langfuse_rollout.archive_column('events_full', 'ingestion_sdk_name', 'ingestion_sdk_name != ''unknown''');
SELECT langfuse_rollout.archive_column('events_full', 'ingestion_sdk_version', 'ingestion_sdk_version != ''unknown''');
SELECT langfuse_rollout.drop_columns('events_full', 'ingestion_api_key', 'ingestion_sdk_name', 'ingestion_sdk_version');

SELECT langfuse_rollout.archive_column('events_core', 'ingestion_api_key', 'ingestion_api_key != ''''');
SELECT langfuse_rollout.archive_column('events_core', 'ingestion_sdk_name', 'ingestion_sdk_name != ''unknown''');
SELECT langfuse_rollout.archive_column('events_core', 'ingestion_sdk_version', 'ingestion_sdk_version != ''unknown''');
SELECT langfuse_rollout.drop_columns('events_core', 'ingestion_api_key', 'ingestion_sdk_name', 'ingestion_sdk_version');
-- end
