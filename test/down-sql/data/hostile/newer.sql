-- Rows by hand for the migrations since 20251118153536, each part valid right after its migration, on top of the first.

-- right after: start
INSERT INTO organizations (id, name) VALUES ('o''1', 'Ünïcode & "Söhne"; DROP TABLE projects; --'), ('o2', 'Zwei');
INSERT INTO projects (id, name, org_id) VALUES ('p''1 "ü"; --', 'Quote "it''s"', 'o''1'), ('p2', 'two', 'o2'), ('', 'empty id', 'o2');
INSERT INTO users (id, name, email) VALUES ('u''1', 'Ma"ría', 'maria@example.test'), ('u2', '', 'u2@example.test');
INSERT INTO datasets (id, name, project_id) VALUES ('d''1', 'data "set"', 'p''1 "ü"; --'), ('d1', 'other', 'p2'), ('d2', 'second', 'p''1 "ü"; --');
INSERT INTO dataset_runs (id, name, project_id, dataset_id) VALUES ('dr1', 'run; --', 'p''1 "ü"; --', 'd''1');
INSERT INTO models (id, model_name, match_pattern, project_id) VALUES ('m''1', 'gpt-"4"', '(?i)^gpt$', 'p''1 "ü"; --'), ('m2', 'managed', '^m$', NULL), ('m3', 'bare', '^b$', NULL);
INSERT INTO score_configs (id, project_id, name, data_type, categories) VALUES ('sc num', 'p''1 "ü"; --', 'number', 'NUMERIC', NULL), ('sc cat', 'p2', 'category', 'CATEGORICAL', '[{"label":"ü","value":1}]');
INSERT INTO eval_templates (id, project_id, name, version, prompt, output_schema) VALUES ('et''1', 'p''1 "ü"; --', 'judge', 1, 'Is {{x}} "good"?', '{"score":"s","reasoning":"r"}');
INSERT INTO job_configurations (id, project_id, job_type, status, eval_template_id, score_name, filter, target_object, variable_mapping, sampling, delay)
  VALUES ('jc''1', 'p''1 "ü"; --', 'EVAL', 'ACTIVE', 'et''1', 'q', '[]', 'trace', '[]', 1, 0), ('jc2', 'p2', 'EVAL', 'INACTIVE', NULL, 'q', '[]', 'trace', '[]', 0.5, 10);
INSERT INTO job_executions (id, project_id, job_configuration_id, job_template_id, status) VALUES ('je''1', 'p''1 "ü"; --', 'jc''1', 'et''1', 'COMPLETED'), ('je2', 'p2', 'jc2', NULL, 'PENDING');
INSERT INTO media (id, sha_256_hash, project_id, bucket_path, bucket_name, content_type, content_length) VALUES
  ('md''1', 'hash1', 'p''1 "ü"; --', 'a/b', 'b', 'image/png', 1), ('md1', 'hash2', 'p2', 'a/c', 'b', 'image/png', 9007199254740993);
INSERT INTO trace_media (id, project_id, media_id, trace_id, field) VALUES ('tm1', 'p''1 "ü"; --', 'md''1', 't"1', 'input');
INSERT INTO observation_media (id, project_id, media_id, trace_id, observation_id, field) VALUES ('om1', 'p2', 'md1', 't1', 'ob1', 'output');
INSERT INTO api_keys (id, public_key, hashed_secret_key, display_secret_key, project_id) VALUES ('ak''1', 'pk-1', 'hash-1', 'sk-…1', 'p''1 "ü"; --');
INSERT INTO dashboards (id, name, description, project_id, definition) VALUES ('db''1', 'board', '', 'p''1 "ü"; --', '{"widgets":[]}');
INSERT INTO dashboard_widgets (id, project_id, name, description, view, dimensions, metrics, filters, chart_type, chart_config)
  VALUES ('w''1', 'p''1 "ü"; --', 'plain', '', 'TRACES', '[]', '[]', '[]', 'NUMBER', '{"type":"NUMBER"}');
INSERT INTO blob_storage_integrations (project_id, type, bucket_name, prefix, region, force_path_style, enabled, export_frequency, secret_access_key)
  VALUES ('p2', 'S3', 'b', '', 'eu', false, true, 'daily', 'aa:bb:cc');
INSERT INTO mixpanel_integrations (project_id, encrypted_mixpanel_project_token, mixpanel_region, enabled) VALUES ('p2', 'enc', 'eu', true);
INSERT INTO posthog_integrations (project_id, encrypted_posthog_api_key, posthog_host_name, enabled) VALUES ('p''1 "ü"; --', 'enc', 'h', false);
INSERT INTO comments (id, project_id, object_type, object_id, content, author_user_id) VALUES ('c''1', 'p2', 'TRACE', 't', 'See; "this" ☃', 'u''1');
INSERT INTO slack_integrations (id, project_id, team_id, team_name, bot_token, bot_user_id) VALUES ('sl1', 'p2', 'T1', 'Team "1"', 'enc', 'B1');
INSERT INTO pending_deletions (id, project_id, object, object_id) VALUES ('pd''1', 'p2', 'trace', 't1'), ('pd2', 'p2', 'trace', 't2');
INSERT INTO triggers (id, project_id, "eventSource", "eventActions", status) VALUES ('tr web', 'p2', 'prompt', '{created}', 'ACTIVE');
INSERT INTO actions (id, project_id, type, config) VALUES ('ac web', 'p2', 'WEBHOOK', '{"type":"WEBHOOK","url":"https://example.test","apiVersion":{"prompt":"v1"},"secretKey":"x","displaySecretKey":"y"}');
INSERT INTO automations (id, name, project_id, trigger_id, action_id) VALUES ('au web', 'hook', 'p2', 'tr web', 'ac web');

-- right after: 20251118153536_add_dataset_item_event_table
-- the table is in the archive with 2 rows
INSERT INTO dataset_item_events (id, item_id, project_id, dataset_id, status, input, deleted_at) VALUES
  ('ev''1', 'i1', 'p''1 "ü"; --', 'd''1', 'ACTIVE', '{"a":"\"; DROP"}', NULL), ('ev2', 'i1', 'p2', 'd1', NULL, 'null', '2025-11-20 10:00');

-- right after: 20251127105316_add_pricing_tiers
-- prices left: pr in, pr m2 (its tier comes first), pr foreign 2 (its model has no tier: the youngest); 4 prices and 4 tiers in the archive
INSERT INTO pricing_tiers (id, model_id, name, is_default, priority, conditions) VALUES
  ('m''1_tier_default', 'm''1', 'Standard', true, 0, '[]'), ('t long', 'm''1', 'Long "context"', false, 1, '[{"usageDetailPattern":"^input"}]'),
  ('t only', 'm2', 'not default; but alone', false, 3, '[]'), ('t only 2', 'm2', 'second', false, 4, '[]');
INSERT INTO prices (id, model_id, usage_type, price, pricing_tier_id, updated_at) VALUES
  ('pr in', 'm''1', 'input', 1, 'm''1_tier_default', '2025-12-01'), ('pr in long', 'm''1', 'input', 2, 't long', '2025-12-02'),
  ('pr out long', 'm''1', 'out''put', 4.000000000000000000000000000001, 't long', '2025-12-02'),
  ('pr m2', 'm2', 'input', 5, 't only', '2025-12-01'), ('pr m2 second', 'm2', 'input', 6, 't only 2', '2025-12-03'),
  ('pr foreign', 'm3', 'input', 7, 'm''1_tier_default', '2025-12-01'), ('pr foreign 2', 'm3', 'input', 8, 't long', '2025-12-02');

-- right after: 20251201095227_dataset_items_add_version_cols
-- i gone in the archive; i null is ACTIVE
INSERT INTO dataset_items (id, project_id, dataset_id, status, is_deleted) VALUES
  ('i null', 'p''1 "ü"; --', 'd''1', NULL, false), ('i gone', 'p2', 'd1', 'ACTIVE', true), ('i arch', 'p2', 'd1', 'ARCHIVED', false);
INSERT INTO dataset_items (id, project_id, dataset_id, sys_id, valid_from, input) VALUES ('i''sys', 'p2', 'd1', NULL, '1999-12-31 23:59:59.999', '"x"');

-- right after: 20251204213345_add_github_dispatch_action_type
-- both actions WEBHOOK without token, tr gh INACTIVE, 3 rows in the archive
INSERT INTO triggers (id, project_id, "eventSource", "eventActions", status) VALUES ('tr gh', 'p''1 "ü"; --', 'prompt', '{created}', 'ACTIVE'), ('tr gh off', 'p2', 'prompt', '{created}', 'INACTIVE');
INSERT INTO actions (id, project_id, type, config) VALUES
  ('ac gh''1', 'p''1 "ü"; --', 'GITHUB_DISPATCH', '{"type":"GITHUB_DISPATCH","url":"https://api.github.com/repos/o/r/dispatches","eventType":"x\"y","githubToken":"enc","displayGitHubToken":"gh…1"}'),
  ('ac gh none', 'p2', 'GITHUB_DISPATCH', '{}');
INSERT INTO automations (id, name, project_id, trigger_id, action_id) VALUES ('au gh', 'dis"patch', 'p''1 "ü"; --', 'tr gh', 'ac gh''1'), ('au gh 2', 'off', 'p2', 'tr gh off', 'ac gh none');

-- right after: 20251208121203_dataset_run_items_drop_fk_dataset_items
-- 2 run items in the archive
INSERT INTO dataset_items (id, project_id, dataset_id) VALUES ('i fk', 'p''1 "ü"; --', 'd''1'), ('i fk', 'p2', 'd1');
INSERT INTO dataset_run_items (id, project_id, dataset_run_id, dataset_item_id, trace_id) VALUES
  ('ri ok', 'p''1 "ü"; --', 'dr1', 'i fk', 't'), ('ri orphan', 'p''1 "ü"; --', 'dr1', 'i was; deleted', 't'), ('ri"2', 'p''1 "ü"; --', 'dr1', '', 't');

-- right after: 20251210130559_add_batch_action_table
INSERT INTO batch_actions (id, project_id, user_id, action_type, table_name, status, query) VALUES ('ba''1', 'p''1 "ü"; --', 'nobody', 'trace-delete', 'traces', 'QUEUED', '{"f":"\u00fc"}');

-- right after: 20251211204006_dataset_items_switch_pk
-- left: v'3 "the one" (p'1), v'3 (p2), v back "again", v moved "new dataset"; 6 rows in the archive
INSERT INTO dataset_items (id, project_id, dataset_id, status, is_deleted, valid_from, input, created_at) VALUES
  ('v''3', 'p''1 "ü"; --', 'd''1', 'ACTIVE', false, '2026-01-01 00:00:00.001', '1', '2025-12-01'),
  ('v''3', 'p''1 "ü"; --', 'd''1', 'ACTIVE', false, '2026-01-01 00:00:00.002', '2', '2025-12-01'),
  ('v''3', 'p''1 "ü"; --', 'd''1', NULL, false, '2026-01-01 00:00:00.003', '"the one"', '2025-12-01'),
  ('v''3', 'p2', 'd1', 'ARCHIVED', false, '2026-01-01', '"same id, other project"', '2025-12-01'),
  ('v del', 'p2', 'd1', 'ACTIVE', false, '2026-01-01', '1', '2025-12-01'), ('v del', 'p2', 'd1', 'ACTIVE', true, '2026-01-02', NULL, '2026-01-02'),
  ('v back', 'p2', 'd1', 'ACTIVE', true, '2026-01-01', NULL, '2025-12-01'), ('v back', 'p2', 'd1', 'ACTIVE', false, '2026-01-02', '"again"', '2026-01-02'),
  ('v moved', 'p''1 "ü"; --', 'd''1', 'ACTIVE', false, '2026-01-02', '"old dataset"', '2026-01-02'), ('v moved', 'p''1 "ü"; --', 'd2', 'ACTIVE', false, '2026-01-03', '"new dataset"', '2026-01-03');

-- right after: 20251215233730_dataset_items_add_valid_to
-- before 3.141.0: 'w skew' only the row that says deleted, 'w ended' and 'w inf''' none (4 rows in the archive); before 3.140.0 left: 'w 1' 2, 'w open' "current"
INSERT INTO dataset_items (id, project_id, dataset_id, valid_from, valid_to, is_deleted, input) VALUES
  ('w 1', 'p2', 'd1', '2026-01-01', '2026-01-02', false, '1'), ('w 1', 'p2', 'd1', '2026-01-02', NULL, false, '2'),
  ('w skew', 'p2', 'd1', '2026-01-05 00:00:00.002', '2026-01-05 00:00:00.001', false, '"deleted"'), ('w skew', 'p2', 'd1', '2026-01-05 00:00:00.001', NULL, true, NULL),
  ('w ended', 'p2', 'd1', '2026-01-01', '2026-01-02', false, '1'), ('w ended', 'p2', 'd1', '2026-01-02', '2026-01-03', false, '2'),
  ('w inf''', 'p2', 'd1', '2026-01-01', 'infinity', false, '"for ever"'),
  ('w open', 'p2', 'd1', '2026-01-01', NULL, false, '"not back-filled"'), ('w open', 'p2', 'd1', '2026-01-03', NULL, false, '"current"');

-- right after: 20251215233905_backfill_dataset_items_valid_to
UPDATE background_migrations SET state = '{"lastId":"x''y"}', worker_id = 'w', locked_at = now() WHERE id = 'd4f5a6b7-c8d9-4e1f-a2b3-c4d5e6f7a8b8';

-- right after: 20251218102933_score_configs_rename_score_data_type_enum
INSERT INTO score_configs (id, project_id, name, data_type) VALUES ('sc bool''', 'p2', 'b', 'BOOLEAN');

-- right after: 20260106120000_add_encrypt_blob_storage_secrets_background_migration
UPDATE background_migrations SET failed_at = now(), failed_reason = 'no "key"; --' WHERE id = '01a0c890-2094-8e2f-c773-cf4d14638fa4';

-- right after: 20260106130000_add_inline_comment_columns
UPDATE comments SET data_field = 'input', path = '{"$.messages[1][\"te''xt\"]",NULL}', range_start = '{0,3}', range_end = '{2,NULL}' WHERE id = 'c''1';
INSERT INTO comments (id, project_id, object_type, object_id, content, path, range_start, range_end) VALUES ('c null', 'p2', 'PROMPT', 'x', '', NULL, NULL, '{}');

-- right after: 20260113102907_dataset_items_drop_sys_id_col
INSERT INTO dataset_items (id, project_id, dataset_id, input) VALUES ('i no sys', 'p2', 'd1', '{}');

-- right after: 20260113112907_dataset_item_events_drop_fk_datasets
-- 2 events in the archive
INSERT INTO dataset_item_events (id, item_id, project_id, dataset_id) VALUES ('ev orphan', 'i', 'p2', 'd gone; --'), ('ev ok', 'i', 'p2', 'd1'), ('ev wrong project', 'i', 'p2', 'd''1');

-- right after: 20260122124934_add_export_source_to_analytics_integrations
UPDATE blob_storage_integrations SET export_source = 'EVENTS'; UPDATE mixpanel_integrations SET export_source = 'TRACES_OBSERVATIONS_EVENTS'; UPDATE posthog_integrations SET export_source = 'EVENTS';

-- right after: 20260130000000_add_v4_beta_enabled
UPDATE users SET v4_beta_enabled = true WHERE id = 'u''1';

-- right after: 20260203102941_job_execution_add_dataset_version_col
UPDATE job_executions SET job_input_dataset_item_valid_from = 'infinity' WHERE id = 'je''1';

-- right after: 20260209000000_add_project_has_traces
UPDATE projects SET has_traces = true WHERE id = '';

-- right after: 20260211132728_add_chart_type_area_time_series
-- all LINE_TIME_SERIES, in chart_config too
INSERT INTO dashboard_widgets (id, project_id, name, description, view, dimensions, metrics, filters, chart_type, chart_config) VALUES
  ('w area''', 'p''1 "ü"; --', 'area', '', 'TRACES', '[]', '[]', '[]', 'AREA_TIME_SERIES', '{"type":"AREA_TIME_SERIES","extra":"\"x\""}'),
  ('w area 2', NULL, 'managed', '', 'OBSERVATIONS', '[]', '[]', '[]', 'AREA_TIME_SERIES', '{}'),
  ('w area 3', 'p2', 'differ', '', 'OBSERVATIONS', '[]', '[]', '[]', 'LINE_TIME_SERIES', '{"type":"AREA_TIME_SERIES"}');

-- right after: 20260211164349_add_default_views
INSERT INTO default_views (id, project_id, user_id, view_name, view_id) VALUES ('dv1', 'p''1 "ü"; --', 'u''1', 'traces', 'v'), ('dv2', 'p''1 "ü"; --', NULL, 'traces', 'v"2');

-- right after: 20260224000000_add_widget_version
UPDATE dashboard_widgets SET min_version = 2 WHERE id = 'w''1';

-- right after: 20260306143000_add_eval_config_block_fields
-- jc blocked' INACTIVE; jc message stays ACTIVE
INSERT INTO job_configurations (id, project_id, job_type, status, eval_template_id, score_name, filter, target_object, variable_mapping, sampling, delay, blocked_at, block_reason, block_message)
  VALUES ('jc blocked''', 'p''1 "ü"; --', 'EVAL', 'ACTIVE', 'et''1', 'q', '[]', 'trace', '[]', 1, 0, '2026-03-07', 'LLM_CONNECTION_AUTH_INVALID', 'no "key"'),
  ('jc blocked off', 'p2', 'EVAL', 'INACTIVE', NULL, 'q', '[]', 'trace', '[]', 1, 0, '2026-03-07', NULL, NULL), ('jc message', 'p2', 'EVAL', 'ACTIVE', NULL, 'q', '[]', 'trace', '[]', 1, 0, NULL, 'EVAL_MODEL_UNAVAILABLE', '');

-- right after: 20260312000000_add_blob_storage_integration_error_fields
UPDATE blob_storage_integrations SET last_error = E'line 1\nline "2"; --', last_error_at = '2026-03-13';

-- right after: 20260316000000_add_blob_storage_failure_notification_sent_at
UPDATE blob_storage_integrations SET last_failure_notification_sent_at = '2026-03-17';

-- right after: 20260323000000_add_blob_storage_compression
UPDATE blob_storage_integrations SET compressed = true WHERE project_id = 'p2';
INSERT INTO blob_storage_integrations (project_id, type, bucket_name, prefix, region, force_path_style, enabled, export_frequency, compressed) VALUES ('p''1 "ü"; --', 'S3', 'b', '', 'eu', false, true, 'daily', false);

-- right after: 20260327000000_add_free_form_score_config_data_type
-- CATEGORICAL, [] and archived (is_archived)
INSERT INTO score_configs (id, project_id, name, data_type, categories, min_value, max_value) VALUES ('sc te"xt', 'p2', 'free', 'TEXT', NULL, 1, 5), ('sc text 2', 'p''1 "ü"; --', 'free', 'TEXT', '[{"label":"x"}]', NULL, NULL);

-- right after: 20260423084654_add_datasets_remote_experiment_enabled_col
UPDATE datasets SET remote_experiment_enabled = false WHERE id = 'd''1';

-- right after: 20260506000000_add_blob_storage_export_field_groups
UPDATE blob_storage_integrations SET export_field_groups = '{"core","i,o\"x"}';

-- right after: 20260506144028_add_verified_domains
INSERT INTO verified_domains (id, organization_id, domain, verification_token, created_by_user_id) VALUES ('vd alone''', 'o''1', 'bücher.example', 'tok-1', 'nobody');

-- right after: 20260507120000_share_pending_verified_domains
-- kept: vd verified and vd p1 (of alike ones the first id); 2 in the archive
INSERT INTO verified_domains (id, organization_id, domain, verification_token, verified_at, created_at) VALUES
  ('vd old', 'o''1', 'same.example', 'tok-2', NULL, '2026-05-01'), ('vd verified', 'o2', 'same.example', 'tok-3', '2026-05-09', '2026-05-08'),
  ('vd p1', 'o''1', 'pend"ing.example', 'tok-4', NULL, '2026-05-02'), ('vd p2', 'o2', 'pend"ing.example', 'tok-5', NULL, '2026-05-02');

-- right after: 20260518090000_add_code_eval_template_fields
-- all three evaluators INACTIVE and still with their template; no prompt is NULL
INSERT INTO eval_templates (id, project_id, name, version, type, source_code, source_code_language, prompt, output_schema) VALUES
  ('et code''', 'p''1 "ü"; --', 'co"de', 1, 'CODE', E'def f():\n  return "''"', 'PYTHON', NULL, NULL), ('et code ts', NULL, 'managed', 1, 'CODE', '', 'TYPESCRIPT', 'has one', '{}'),
  ('et no prompt', 'p2', 'odd', 1, 'LLM_AS_JUDGE', NULL, NULL, NULL, '{"score":"","reasoning":""}');
INSERT INTO job_configurations (id, project_id, job_type, status, eval_template_id, score_name, filter, target_object, variable_mapping, sampling, delay) VALUES
  ('jc code''', 'p''1 "ü"; --', 'EVAL', 'ACTIVE', 'et code''', 'q', '[]', 'trace', '[]', 1, 0), ('jc code 2', 'p2', 'EVAL', 'ACTIVE', 'et code ts', 'q', '[]', 'trace', '[]', 1, 0),
  ('jc code 3', 'p2', 'EVAL', 'ACTIVE', 'et no prompt', 'q', '[]', 'trace', '[]', 1, 0);

-- right after: 20260518092907_add_monitors
INSERT INTO monitors (id, project_id, view, filters, metric, window_ms, cadence_ms, threshold_operator, alert_threshold, no_data, renotify, scheduler_batch_id, next_run_at, name, message, severity, status, tags)
  VALUES ('mo''1', 'p''1 "ü"; --', 'OBSERVATIONS', '[]', '{}', 1, 1, 'GT', 1, '{}', '{}', 1, '2026-05-19', 'mon "1"', 'text; ''q''', 'NO_DATA', 'PAUSED', '{"a,b"}'),
  ('mo2', 'p2', 'SCORES_CATEGORICAL', '[]', '{}', 1, 1, 'NEQ', -0.000000000000000000000000000001, '{}', '{}', 9223372036854775807, 'infinity', '', '', 'ALERT', 'ERROR_BAD_QUERY', NULL);

-- right after: 20260521000000_monitor_severity_status_reorder_drop_message
INSERT INTO monitors (id, project_id, view, filters, metric, window_ms, cadence_ms, threshold_operator, alert_threshold, no_data, renotify, scheduler_batch_id, next_run_at, last_published_run_at, last_completed_run_at, name, severity, status)
  VALUES ('mo''3', 'p2', 'OBSERVATIONS', '[]', '{}', 1, 1, 'LTE', 1, '{}', '{}', 1, '2026-05-22', '2026-05-22', NULL, 'n', 'NO_DATA', 'PAUSED'), ('mo4', 'p2', 'OBSERVATIONS', '[]', '{}', 1, 1, 'LTE', 1, '{}', '{}', 1, '2026-05-22', NULL, NULL, 'n', 'ALERT', 'ACTIVE');

-- right after: 20260521130000_add_in_app_agent_api_key_marker
-- the key is in the archive and nowhere else
INSERT INTO api_keys (id, public_key, hashed_secret_key, display_secret_key, project_id, is_in_app_agent_key, note) VALUES ('ak agent''', 'pk-2', 'hash-2', 'sk-…2', 'p2', true, 'ag"ent');

-- right after: 20260522113010_add_paused_monitor_severity
-- mo paused' has severity UNKNOWN and status PAUSED
INSERT INTO monitors (id, project_id, view, filters, metric, window_ms, cadence_ms, threshold_operator, alert_threshold, no_data, renotify, scheduler_batch_id, next_run_at, name, severity, status, trigger_ids)
  VALUES ('mo paused''', 'p2', 'OBSERVATIONS', '[]', '{}', 1, 1, 'LTE', 1, '{}', '{}', 1, '2026-05-23', 'n', 'PAUSED', 'PAUSED', '{"tr web","x''y"}'), ('mo ok', 'p2', 'SCORES_NUMERIC', '[]', '{}', 1, 1, 'LTE', 1, '{}', '{}', 1, '2026-05-23', 'n', 'OK', 'ACTIVE', '{}');

-- right after: 20260527110000_monitor_wallclock_lifecycle
-- mo null' is due at the time of the rollback; mo run keeps its two times under their older names
INSERT INTO monitors (id, project_id, view, filters, metric, window_ms, cadence_ms, threshold_operator, alert_threshold, no_data, renotify, scheduler_batch_id, next_run_at, last_published_at, last_completed_at, last_claimed_at, name, severity, status, trigger_ids)
  VALUES ('mo null''', 'p2', 'OBSERVATIONS', '[]', '{}', 1, 1, 'EQ', 1, '{}', '{}', 1, NULL, NULL, NULL, NULL, 'reset', 'UNKNOWN', 'ACTIVE', '{}'),
  ('mo run', 'p''1 "ü"; --', 'OBSERVATIONS', '[]', '{}', 1, 1, 'EQ', 1, '{}', '{}', 1, '2026-05-28', '2026-05-28 01:02:03.004', '-infinity', '2026-05-28', 'running', 'PAUSED', 'ERROR_BAD_QUERY', '{"tr web"}');

-- right after: 20260529120000_add_organization_ai_telemetry_enabled
UPDATE organizations SET ai_telemetry_enabled = false WHERE id = 'o''1';

-- right after: 20260601190000_add_in_app_agent_persistence
INSERT INTO in_app_agent_conversations (id, project_id, created_by_user_id, title, visibility_scope) VALUES ('co''1', 'p''1 "ü"; --', 'u''1', 'ti"tle', 'PROJECT'), ('co''1', 'p2', NULL, NULL, 'PERSONAL');
INSERT INTO in_app_agent_runs (id, project_id, conversation_id, triggered_by_user_id, finished_at) VALUES ('run 1', 'p''1 "ü"; --', 'co''1', 'u''1', '2026-06-02');
INSERT INTO in_app_agent_events (project_id, conversation_id, run_id, sequence_number, type, event) VALUES ('p''1 "ü"; --', 'co''1', 'run 1', 0, 'x', '{"q":"\"; --"}');

-- right after: 20260610000000_add_web_callout_endpoints
INSERT INTO web_callout_endpoints (id, project_id, url, request_headers, request_header_keys) VALUES ('wc''1', 'p2', 'https://example.test/"x"', 'enc', '{"A,b"}');

-- right after: 20260610170000_remove_media_link_foreign_keys
-- all five in the archive (the two of p gone already by this migration's undoing, since their media are not of that project)
INSERT INTO trace_media (id, project_id, media_id, trace_id, field) VALUES ('tm gone', 'p2', 'md not there', 't', 'input'), ('tm other"project', 'p2', 'md''1', 't', 'input'), ('tm no project', 'p gone', 'md''1', 't', 'metadata');
INSERT INTO observation_media (id, project_id, media_id, trace_id, observation_id, field) VALUES ('om gone', 'p''1 "ü"; --', '', 't', 'o', 'input'), ('om no project', 'p gone', 'md1', 't', 'o', 'input');

-- right after: 20260612000000_add_dataset_item_media
INSERT INTO dataset_item_media (id, project_id, media_id, dataset_id, dataset_item_id, field) VALUES ('dm''1', 'p2', 'md not there', 'd1', 'i', 'input');

-- right after: 20260612000000_drop_job_executions_job_template_id_fkey
-- both stay, without a template; both in the archive as they were
INSERT INTO job_executions (id, project_id, job_configuration_id, job_template_id, status) VALUES ('je gone''', 'p2', 'jc2', 'et not there', 'COMPLETED'), ('je empty', 'p2', 'jc2', '', 'ERROR');

-- right after: 20260616000000_add_blob_storage_run_started_at
UPDATE blob_storage_integrations SET run_started_at = '2026-06-17';

-- right after: 20260617000000_slack_integrations_pending_columns
-- the two of no project in the archive
INSERT INTO slack_integrations (id, project_id, team_id, team_name, bot_token, bot_user_id, expires_at, claim_token_hash) VALUES
  ('sl pend', NULL, 'T2', 'pen"ding', 'enc', 'B2', '2026-06-18', 'h''1'), ('sl pend 2', NULL, 'T2', 'x', 'enc', 'B2', NULL, NULL), ('sl link', '', 'T3', 'x', 'enc', 'B3', '2026-06-18', 'h');

-- right after: 20260619120000_add_blob_storage_export_tuning
UPDATE blob_storage_integrations SET export_tuning = '{"a":[null,"\""]}';

-- right after: 20260623093628_add_sfdc_id_columns
UPDATE organizations SET sfdc_org_id = '00D''x' WHERE id = 'o2';

-- right after: 20260629000000_add_parquet_blob_storage_file_type
-- JSONL
UPDATE blob_storage_integrations SET file_type = 'PARQUET';

-- right after: 20260629091506_add_in_app_agent_pending_tool_approvals
INSERT INTO in_app_agent_conversations (id, project_id) VALUES ('co wait', 'p2');
INSERT INTO in_app_agent_pending_tool_approvals (project_id, conversation_id, tool_call_id, approval_fingerprint, expires_at) VALUES ('p2', 'co wait', 'call"1', 'f', 'infinity');

-- right after: 20260701115500_add_create_root_spans_background_migration
UPDATE background_migrations SET state = '{"cursor":"a''b"}', worker_id = 'w1', locked_at = now() WHERE id = '8e1f4a2b-5c63-4d8e-9a47-1b2f3c4d5e6f';

-- right after: 20260701115502_add_backfill_events_full_from_observations_background_migration
UPDATE background_migrations SET failed_at = now(), failed_reason = 'MEMORY; --' WHERE id = '7a3f8d6e-2c91-4b5e-8d72-f4a5b6c7d8e9';

-- right after: 20260701115504_add_drop_pid_tid_sorting_tables_background_migration
UPDATE background_migrations SET finished_at = now() WHERE id = 'b3f1c5d8-9e47-4a26-8b3f-5c6d7e8f9a01';

-- right after: 20260702130000_add_in_app_agent_conversation_renamed_by_user_at
INSERT INTO in_app_agent_conversations (id, project_id, renamed_by_user_at) VALUES ('co renamed', 'p2', '2026-07-03');

-- right after: 20260706000000_add_api_key_created_by
INSERT INTO api_keys (id, public_key, hashed_secret_key, display_secret_key, project_id, created_by_user_id, created_by_api_key_id) VALUES ('ak child''', 'pk-3', 'hash-3', 'sk-…3', 'p2', 'u''1', 'ak''1');
UPDATE api_keys SET created_by_api_key_id = 'ak child''' WHERE id = 'ak''1'; -- each made the other

-- right after: 20260707170000_add_project_home_dashboard
UPDATE projects SET home_dashboard_id = 'db''1' WHERE id = 'p''1 "ü"; --';

-- right after: 20260709124500_add_billing_exhausted_evaluator_block_reason
-- PROVIDER_ACCOUNT_NOT_READY and EVAL_MODEL_UNAVAILABLE
INSERT INTO job_configurations (id, project_id, job_type, status, eval_template_id, score_name, filter, target_object, variable_mapping, sampling, delay, blocked_at, block_reason, block_message) VALUES
  ('jc bill''', 'p2', 'EVAL', 'ACTIVE', NULL, 'q', '[]', 'trace', '[]', 1, 0, '2026-07-10', 'LLM_CONNECTION_BILLING_EXHAUSTED', 'credit "used"'),
  ('jc dns', 'p2', 'EVAL', 'ACTIVE', NULL, 'q', '[]', 'trace', '[]', 1, 0, '2026-07-10', 'LLM_CONNECTION_ENDPOINT_UNREACHABLE', 'ENOTFOUND');

-- right after: 20260721120000_add_boolean_score_widget_views
-- SCORES_NUMERIC
INSERT INTO dashboard_widgets (id, project_id, name, description, view, dimensions, metrics, filters, chart_type, chart_config)
  VALUES ('w bool''', 'p2', 'rate', '', 'SCORES_BOOLEAN', '[{"field":"booleanValue"}]', '[{"measure":"value","agg":"avg"}]', '[]', 'PIE', '{"type":"PIE"}');
INSERT INTO monitors (id, project_id, view, filters, metric, window_ms, cadence_ms, threshold_operator, alert_threshold, no_data, renotify, scheduler_batch_id, name)
  VALUES ('mo bool', 'p2', 'SCORES_BOOLEAN', '[]', '{}', 1, 1, 'LT', 0.5, '{}', '{}', 7, 'bool');

-- right after: 20260722070000_add_in_app_agent_run_lifecycle_fields
INSERT INTO in_app_agent_conversations (id, project_id) VALUES ('co run', 'p2');
INSERT INTO in_app_agent_runs (id, project_id, conversation_id, status, request, claimed_at, heartbeat_at) VALUES ('run open', 'p2', 'co run', 'RUNNING', '{"m":"\""}', now(), now());

-- right after: 20260723124010_drop_dataset_run_items_table
DELETE FROM background_migrations WHERE name = '20250814_1001_migrate_dataset_run_items_rmt_pg_to_ch'; -- is gone already; must come back finished

-- right after: 20260723150000_drop_legacy_tracing_tables
-- the row made by hand stays
INSERT INTO background_migrations (id, name, script, args) VALUES ('a row''s own id', 'made by hand', 'x', '{}');

-- right after: 20260723165610_add_remote_experiment_auth_headers
UPDATE datasets SET remote_experiment_request_headers = '{"X":{"secret":true,"value":"enc"}}', remote_experiment_display_headers = '{}', remote_experiment_secret_key = 'e:n:c', remote_experiment_display_secret_key = 'sk…' WHERE id = 'd1';

-- right after: 20260731100000_add_media_association_origin
UPDATE trace_media SET origin = 'CLIENT_UPLOAD'; UPDATE observation_media SET origin = 'INGESTION_FIELD_OVERFLOW';

-- right after: 20260806120000_add_in_app_agent_conversation_always_allowed_tools
INSERT INTO in_app_agent_conversations (id, project_id, always_allowed_tools) VALUES ('co tools', 'p2', '{"a,b","c\"d"}');

-- right after: 20260807120000_drop_job_execution_configuration_fk
-- 2 evaluations in the archive
INSERT INTO job_executions (id, project_id, job_configuration_id, status, job_output_score_id) VALUES ('je orphan''', 'p2', 'jc not there', 'COMPLETED', 's'), ('je orphan 2', 'p''1 "ü"; --', '', 'PENDING', NULL);

-- right after: 20260813120000_add_posthog_integration_error_fields
UPDATE posthog_integrations SET last_error = 'it''s "bad"', last_error_at = '2026-08-14';
