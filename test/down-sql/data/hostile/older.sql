-- Rows by hand for the migrations up to 20251104091248, each part valid right after its migration, on top of the first.

-- right after: start
INSERT INTO organizations (id, name, cloud_config) VALUES
  ('org "eins"; --', 'Ünïcødé & Söhne "GmbH"; DROP TABLE "x"; --', '{"stripe": {"activeSubscriptionId": "sub_1"}}'),
  ('org''zwei', E'tab\tund\nZeile', NULL);
INSERT INTO projects (id, name, org_id) VALUES
  ('proj ''q''', 'Projekt "A" – 日本語', 'org "eins"; --'),
  ('proj-β', 'b; SELECT 1', 'org "eins"; --'),
  ('proj.drei', '', 'org''zwei');
INSERT INTO users (id, name, email) VALUES ('user "α"', 'O''Brien', 'o''brien@example.org'), ('user 2', NULL, NULL);
INSERT INTO llm_api_keys (id, project_id, provider, adapter, display_secret_key, secret_key) VALUES
  ('key ''1''', 'proj ''q''', 'open "ai"', 'openai', '…abc', 'geheim');
INSERT INTO prompts (id, project_id, created_by, name, version, prompt, type) VALUES
  ('prompt "1"', 'proj ''q''', 'user "α"', 'name/mit/slash', 1, '"Hallo {{name}}"', 'text');
INSERT INTO datasets (id, project_id, name) VALUES ('ds ''1''', 'proj ''q''', 'Daten "satz"'), ('ds ''1''', 'proj-β', 'Daten "satz"');
INSERT INTO annotation_queues (id, project_id, name) VALUES ('queue; 1', 'proj ''q''', 'Schlange');
INSERT INTO comments (id, project_id, object_type, object_id, content) VALUES ('comment 1', 'proj ''q''', 'TRACE', 't', '👍');
INSERT INTO models (id, project_id, model_name, match_pattern) VALUES
  ('model ''m''', 'proj-β', 'eigenes', '(?i)^(eigenes)$'), ('model global', NULL, 'allgemein', '.*');

-- right after: 20250108220721_add_queue_backup_table
INSERT INTO queue_backups (id, project_id, queue_name, content) VALUES
  ('backup ''1''', NULL, 'ingestion "queue"', '{"a": "\"; --"}'), ('backup 2', 'gibt es nicht', '', '[]');
INSERT INTO trace_sessions (id, project_id) VALUES ('sitzung mit Zeile', 'proj ''q''');
INSERT INTO traces (id, project_id, session_id) VALUES ('spur mit Sitzung', 'proj ''q''', 'sitzung mit Zeile');

-- right after: 20250109083346_drop_trace_tracesession_fk
INSERT INTO trace_sessions (id, project_id) VALUES ('sitzung ''a''', 'proj ''q''');
INSERT INTO traces (id, project_id, session_id, created_at) VALUES
  ('spur 1', 'proj ''q''', 'sitzung ''a''', '2024-12-01'),
  ('spur 2', 'proj-β', 'sitzung ''a''', '2024-12-02'),
  ('spur 3', 'proj-β', 'sitzung ''a''', '2023-12-02'),
  ('spur 4', 'proj ''q''', '', '2024-12-03'),
  ('spur 5', 'proj ''q''', 'セッション; "x"', '2024-12-04'),
  ('spur 6', 'proj ''q''', NULL, '2024-12-05');

-- right after: 20250116154613_add_billing_meter_backups
INSERT INTO billing_meter_backups (stripe_customer_id, meter_id, start_time, end_time, aggregated_value, event_name, org_id) VALUES
  ('cus ''1''', 'm', '2025-01-01', '2025-02-01', 2147483647, 'ereignis', 'org "eins"; --'),
  ('cus ''1''', 'm', '2025-02-01', '2025-03-01', -1, '', 'gibt es nicht');

-- right after: 20250122152102_add_llm_api_keys_extra_headers
INSERT INTO llm_api_keys (id, project_id, provider, adapter, display_secret_key, secret_key, extra_headers, extra_header_keys) VALUES
  ('key mit Kopf', 'proj ''q''', 'gateway', 'openai', '…', 'g', 'verschlüsselt:''"', ARRAY['X-A, "b"', 'null', '']),
  ('key leerer Kopf', 'proj-β', 'gateway', 'azure', '…', 'g', '', '{}'),
  ('key nur Namen', 'proj.drei', 'gateway', 'azure', '…', 'g', NULL, ARRAY['X']);

-- right after: 20250123103200_add_retention_days_to_projects
UPDATE projects SET retention_days = CASE id WHEN 'proj ''q''' THEN 0 WHEN 'proj-β' THEN 2147483647 END;

-- right after: 20250128144418_llm_adapter_rename_google_vertex_ai
INSERT INTO llm_api_keys (id, project_id, provider, adapter, display_secret_key, secret_key) VALUES
  ('key v1', 'proj ''q''', 'vertex "neu"', 'google-vertex-ai', '…', 'g'),
  ('key v2', 'proj ''q''', 'vertex-ai', 'google-vertex-ai', '…', 'g'),
  ('key v3', 'proj-β', 'google-vertex-ai', 'openai', '…', 'g'),
  ('key v4', 'proj-β', 'alt', 'vertex-ai', '…', 'g');

-- right after: 20250128163035_add_nullable_commit_message_prompts
INSERT INTO prompts (id, project_id, created_by, name, version, prompt, type, commit_message) VALUES
  ('prompt c1', 'proj-β', 'API', 'p', 1, '"x"', 'text', ''),
  ('prompt c2', 'proj-β', 'API', 'p', 2, '[]', 'chat', E'mehr\nals "eine" Zeile; 🚀 \\'),
  ('prompt c3', 'proj-β', 'API', 'p', 3, '"x"', 'text', NULL);

-- right after: 20250204180200_add_event_log_table
INSERT INTO event_log (id, bucket_name, bucket_path, project_id, entity_type, entity_id, event_id, trace_id) VALUES
  ('e1', 'eimer', 'pfad/mit "Zeichen"; --', 'proj ''q''', 'trace', 't', 'e', NULL), ('e2', '', '', 'proj-β', '', '', '', '');

-- right after: 20250214173309_add_timescope_to_configs
INSERT INTO job_configurations (id, project_id, job_type, status, score_name, filter, target_object, variable_mapping, sampling, delay, time_scope) VALUES
  ('eval alt', 'proj ''q''', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, ARRAY['EXISTING']),
  ('eval alt aus', 'proj ''q''', 'EVAL', 'INACTIVE', 's', '[]', 'trace', '[]', 1, 0, ARRAY['EXISTING']),
  ('eval beide', 'proj ''q''', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 0.000000000000000000000000000001, 0, ARRAY['EXISTING', 'NEW']),
  ('eval ohne', 'proj-β', 'EVAL', 'ACTIVE', 's "x"', '[]', 'trace', '[]', 1, 0, NULL),
  ('eval leer', 'proj-β', 'EVAL', 'ACTIVE', 's', '[]', 'dataset', '[]', 1, 0, '{}'),
  ('eval NULL im Feld', 'proj-β', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, ARRAY[NULL, 'NEW']),
  ('eval neu', 'proj-β', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, DEFAULT);

-- right after: 20250220141500_add_environment_to_trace_sessions
INSERT INTO trace_sessions (id, project_id, environment) VALUES
  ('s env', 'proj ''q''', ''), ('s env', 'proj-β', 'prod "eu"; --'), ('s env 2', 'proj-β', 'DEFAULT'), ('s env 3', 'proj-β', 'default');

-- right after: 20250303144044_add_prompt_dependencies_table
INSERT INTO prompt_dependencies (id, project_id, parent_id, child_name, child_label, child_version) VALUES
  ('dep 1', 'proj ''q''', 'prompt "1"', 'gibt; es "nicht"', NULL, -1), ('dep 2', 'proj ''q''', 'prompt "1"', 'name/mit/slash', 'prod''', NULL);

-- right after: 20250310100328_add_api_key_to_audit_log
INSERT INTO audit_logs (id, type, api_key_id, user_id, org_id, user_org_role, project_id, user_project_role, resource_type, resource_id, action, before, after) VALUES
  ('log schlüssel', 'API_KEY', 'key "x"', NULL, 'org', NULL, 'proj ''q''', NULL, 'prompt', 'p', 'create', NULL, E'{"a": "\\u00e4"}'),
  ('log niemand', 'API_KEY', NULL, NULL, 'org', 'OWNER', NULL, NULL, 'prompt', 'p', 'create', '', 'kein JSON; "'),
  ('log keine Rolle', 'USER', NULL, 'user "α"', 'org', NULL, NULL, 'MEMBER', 'prompt', 'p', 'delete', NULL, NULL),
  ('log beides', 'API_KEY', 'key "x"', 'user 2', 'org', 'NONE', NULL, NULL, 'prompt', 'p', 'delete', NULL, NULL),
  ('log mensch', 'USER', 'key "x"', '', 'org', '', NULL, NULL, 'prompt', 'p', 'delete', NULL, NULL);

-- right after: 20250324110557_add_blobstorage_integration_table
INSERT INTO blob_storage_integrations (project_id, type, bucket_name, prefix, access_key_id, secret_access_key, region, force_path_style, enabled, export_frequency) VALUES
  ('proj ''q''', 'AZURE_BLOB_STORAGE', 'eimer', 'präfix/', 'AKIA', 'geheim''', 'eu-central-1', true, true, 'daily'),
  ('proj-β', 'S3_COMPATIBLE', '', '', '', '', '', false, false, 'alle 5 "Minuten"');

-- right after: 20250326180640_add_llm_tools_and_schemas_tables
INSERT INTO llm_schemas (id, project_id, name, description, schema) VALUES ('schema 1', 'proj ''q''', 's; "x"', '', '{"b": 1, "a": "\u0000", "b": 2}');
INSERT INTO llm_tools (id, project_id, name, description, parameters) VALUES ('tool 1', 'proj ''q''', 't''', '', '{ "b" : 1 }');

-- right after: 20250401122159_add_prompt_protected_labels_table
INSERT INTO prompt_protected_labels (id, project_id, label) VALUES ('label 1', 'proj ''q''', 'production'), ('label 2', 'proj ''q''', 'Ärger "x"');

-- right after: 20250402142320_add_blobstorage_integration_file_type
INSERT INTO blob_storage_integrations (project_id, type, bucket_name, prefix, access_key_id, secret_access_key, region, force_path_style, enabled, export_frequency, file_type) VALUES
  ('proj.drei', 'S3', 'eimer', '', 'AKIA', 'g', 'us-east-1', true, true, 'hourly', 'JSONL');

-- right after: 20250403153555_membership_invitations_no_duplicates
INSERT INTO membership_invitations (id, email, org_id, org_role) VALUES
  ('einladung 1', 'A@example.org', 'org "eins"; --', 'ADMIN'), ('einladung 2', 'a@example.org', 'org "eins"; --', 'MEMBER'),
  ('einladung 3', 'a@example.org', 'org''zwei', 'NONE');

-- right after: 20250409154352_add_dashboard_data_model
INSERT INTO dashboards (id, project_id, created_by, name, description, definition) VALUES
  ('tafel "1"', 'proj ''q''', 'user "α"', 'Tafel', '', '{"widgets": [{"type": "widget", "id": "w", "widgetId": "widget 1", "x": 0, "y": 0, "x_size": 6, "y_size": 3}]}'),
  ('tafel von Langfuse', NULL, NULL, 'Langfuse', '', '{"widgets": []}');
INSERT INTO dashboard_widgets (id, project_id, name, description, view, dimensions, metrics, filters, chart_type, chart_config) VALUES
  ('widget 1', 'proj ''q''', 'W; "x"', '', 'TRACES', '[]', '[{"measure": "count", "agg": "count"}]', '[]', 'PIE', '{"type": "PIE", "row_limit": 10}'),
  ('widget von Langfuse', NULL, 'L', '', 'SCORES_CATEGORICAL', '[]', '[]', '[]', 'LINE_TIME_SERIES', '{"type": "LINE_TIME_SERIES"}');

-- right after: 20250410145712_add_organization_scoped_api_keys
INSERT INTO api_keys (id, public_key, hashed_secret_key, fast_hashed_secret_key, display_secret_key, project_id, organization_id, scope, note) VALUES
  ('ak org', 'pk-older-org', 'h1', 'f1', 'sk…', NULL, 'org "eins"; --', 'ORGANIZATION', 'für alle; "x"'),
  ('ak org mit Projekt', 'pk-older-org-2', 'h2', NULL, 'sk…', 'proj ''q''', 'org "eins"; --', 'ORGANIZATION', NULL),
  ('ak ohne beides', 'pk-older-3', 'h3', NULL, 'sk…', NULL, NULL, 'PROJECT', NULL),
  ('ak Projekt mit Org', 'pk-older-4', 'h4', NULL, 'sk…', 'proj-β', 'org''zwei', 'PROJECT', NULL),
  ('ak Projekt', 'pk-older-5', 'h5', NULL, 'sk…', 'proj-β', NULL, 'PROJECT', NULL);

-- right after: 20250420120553_add_organization_and_project_metadata
UPDATE organizations SET metadata = CASE id WHEN 'org "eins"; --' THEN '{"a\"; --": ["ü", null]}'::jsonb WHEN 'org''zwei' THEN 'null' END;
UPDATE projects SET metadata = CASE id WHEN 'proj-β' THEN '{}'::jsonb WHEN 'proj.drei' THEN '"nur Text"' END;

-- right after: 20250517173700_add_event_log_migration_background_migration.sql
UPDATE background_migrations SET state = '{"lastId": "\"; --"}', worker_id = 'worker', locked_at = now() WHERE id = 'c19b91d9-f9a2-468b-8209-95578f970c5b';

-- right after: 20250517273700_add_table_view_presets.sql
INSERT INTO table_view_presets (id, project_id, name, table_name, created_by, filters, column_order, column_visibility, search_query, order_by) VALUES
  ('ansicht 1', 'proj ''q''', 'Ansicht "1"; --', 'traces', 'user "α"', '[]', '[]', '{}', '%''', NULL),
  ('ansicht 2', 'proj ''q''', '', 'sessions', NULL, 'null', 'null', 'null', NULL, 'null');

-- right after: 20250519093328_media_relax_id_uniqueness_to_project_only
INSERT INTO media (id, project_id, sha_256_hash, bucket_path, bucket_name, content_type, content_length, created_at) VALUES
  ('gleiche-Datei', 'proj-β', 'q1w2e3r4t5z6u7i8o9p0q1w2e3r4t5z6u7i8o9p0q1w=', 'β/x.png', 'eimer', 'image/png', 9223372036854775807, '2025-05-01'),
  ('gleiche-Datei', 'proj ''q''', 'q1w2e3r4t5z6u7i8o9p0q1w2e3r4t5z6u7i8o9p0q1w=', 'q/x.png', 'eimer', 'image/png', 1, '2025-05-01'),
  ('gleiche-Datei', 'proj.drei', 'q1w2e3r4t5z6u7i8o9p0q1w2e3r4t5z6u7i8o9p0q1w=', '3/x.png', 'eimer', 'image/png', 1, '2025-04-01'),
  ('andere "Datei"', 'proj ''q''', '/+/+', 'q/y', 'eimer', 'text/plain', 0, '2025-05-02'),
  ('andere "Datei"', 'proj-β', '+/+/', 'β/y', 'eimer', 'text/plain', 0, '2025-05-03'),
  ('nur hier', 'proj-β', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'β/z', 'eimer', 'text/plain', 0, '2025-05-03');
INSERT INTO trace_media (id, project_id, trace_id, media_id, field) VALUES
  ('tm 1', 'proj-β', 't', 'gleiche-Datei', 'input'), ('tm 2', 'proj ''q''', 't', 'gleiche-Datei', 'input'),
  ('tm 3', 'proj.drei', 't', 'gleiche-Datei', 'input'), ('tm 4', 'proj-β', 't', 'nur hier', 'metadata "x"'),
  ('tm 5', 'proj-β', 't', 'gleiche-Datei', 'output');
INSERT INTO observation_media (id, project_id, trace_id, observation_id, media_id, field) VALUES
  ('om 1', 'proj-β', 't', 'o', 'gleiche-Datei', 'input'), ('om 2', 'proj ''q''', 't', 'o', 'gleiche-Datei', 'input'),
  ('om 3', 'proj-β', 't', 'o', 'andere "Datei"', 'input'), ('om 4', 'proj ''q''', 't', 'o', 'andere "Datei"', 'input');

-- right after: 20250519145128_resize_dashboard_y_axis_components
INSERT INTO dashboards (id, project_id, name, description, definition) VALUES
  ('tafel glatt', 'proj ''q''', 'n', '', '{"widgets": [{"type": "widget", "id": "a", "widgetId": "b", "x": 1, "y": 3, "x_size": 2, "y_size": 6}], "mehr": true}'),
  ('tafel ungerade', 'proj ''q''', 'n', '', '{"widgets": [{"type": "widget", "id": "a\"; --", "widgetId": "b", "x": 0, "y": 4, "x_size": 2, "y_size": 5}, {"type": "widget", "id": "c", "widgetId": "d", "x": 0, "y": 1, "x_size": 2, "y_size": 1}]}'),
  ('tafel Text', 'proj ''q''', 'n', '', '{"widgets": [{"id": "a", "y": "7", "y_size": "2"}, {"id": "b", "y": 1.5, "y_size": 0.1}, {"id": "c", "y": null}, {"id": "d"}, {"id": "e", "y": "x", "y_size": []}]}'),
  ('tafel riesig', 'proj-β', 'n', '', '{"widgets": [{"id": "a", "y": 1000000000000, "y_size": -3}, {"id": "b", "y": 999999999, "y_size": 1e3}]}'),
  ('tafel Müll', 'proj-β', 'n', '', '{"widgets": [1, "zwei", null, [], {}]}'),
  ('tafel ohne Liste', 'proj-β', 'n', '', '{}'),
  ('tafel NULL Liste', 'proj-β', 'n', '', '{"widgets": null}'),
  ('tafel Objekt', 'proj-β', 'n', '', '{"widgets": {"a": 1}}'),
  ('tafel Feld', 'proj-β', 'n', '', '[]'),
  ('tafel Wort', 'proj-β', 'n', '', '"Wort"'),
  ('tafel null', 'proj-β', 'n', '', 'null'),
  ('tafel leer', 'proj-β', 'n', '', '{"widgets": []}'),
  ('tafel Langfuse', NULL, 'n', '', '{"widgets": [{"type": "widget", "id": "a", "widgetId": "b", "x": 0, "y": 12, "x_size": 2, "y_size": 18}]}');

-- right after: 20250520123737_add_single_aggregate_chart_type
INSERT INTO dashboard_widgets (id, project_id, name, description, view, dimensions, metrics, filters, chart_type, chart_config) VALUES
  ('zahl 1', 'proj ''q''', 'n', '', 'TRACES', '[]', '[{"measure": "count", "agg": "count"}]', '[]', 'NUMBER', '{"type": "NUMBER", "row_limit": 100, "mehr": "\"; --"}'),
  ('zahl 2', 'proj-β', 'n', '', 'TRACES', '[]', '[]', '[]', 'NUMBER', '[]'),
  ('zahl 3', 'proj-β', 'n', '', 'TRACES', '[]', '[]', '[]', 'PIE', '{"type": "NUMBER"}'),
  ('zahl 4', NULL, 'n', '', 'TRACES', 'null', 'null', 'null', 'NUMBER', 'null');

-- right after: 20250523100511_add_default_eval_model_table
INSERT INTO default_llm_models (id, project_id, llm_api_key_id, provider, adapter, model, model_params) VALUES
  ('standard 1', 'proj ''q''', 'key ''1''', 'open "ai"', 'openai', 'gpt-4o''', '{"temperature": 0}') ON CONFLICT DO NOTHING;

-- right after: 20250523110540_modify_nullable_cols_eval_templates
INSERT INTO default_llm_models (id, project_id, llm_api_key_id, provider, adapter, model, model_params) VALUES
  ('standard 2', 'proj ''q''', 'key ''1''', 'open "ai"', 'openai', 'gpt-4o''', 'null') ON CONFLICT DO NOTHING;
INSERT INTO eval_templates (id, project_id, name, version, prompt, partner, model, provider, model_params, vars, output_schema) VALUES
  ('verwaltet 1', NULL, 'Halluzination', 1, 'Prüfe {{input}} "x"; --', NULL, NULL, NULL, NULL, ARRAY['input'], '{"score": "s", "reasoning": "r"}'),
  ('verwaltet 2', NULL, 'Halluzination', 1, 'anders', 'ragas', NULL, NULL, NULL, '{}', '{}'),
  ('verwaltet 3', NULL, 'Halluzination', 2, 'anders', 'ragas', NULL, NULL, NULL, NULL, '{}'),
  ('verwaltet mit Modell', NULL, 'Güte', 1, 'p', NULL, 'm', 'p', '{}', '{}', '{}'),
  ('verwaltet unbenutzt', NULL, 'Unbenutzt', 1, 'p', NULL, NULL, NULL, NULL, '{}', '{}'),
  ('eigene gleichen Namens', 'proj ''q''', 'Halluzination', 1, 'eigene', NULL, 'gpt', 'open "ai"', '{"top_p": 1}', '{}', '{}'),
  ('eigene (2)', 'proj ''q''', 'Halluzination (2)', 7, 'eigene', NULL, 'gpt', 'open "ai"', '{"top_p": 1}', '{}', '{}'),
  ('eigene ohne Modell', 'proj ''q''', 'ohne', 1, 'p', NULL, NULL, NULL, NULL, '{}', '{}'),
  ('eigene ohne Anbieter', 'proj ''q''', 'ohne', 2, 'p', NULL, 'gpt', NULL, 'null', '{}', '{}'),
  ('eigene ohne Parameter', 'proj-β', 'ohne', 3, 'p', NULL, 'gpt', 'a', NULL, '{}', '{}'),
  ('eigene ohne alles', 'proj-β', 'ohne', 4, 'p', 'partner''', NULL, NULL, NULL, '{}', '{}');
INSERT INTO job_configurations (id, project_id, job_type, status, score_name, filter, target_object, variable_mapping, sampling, delay, eval_template_id) VALUES
  ('ev q 1', 'proj ''q''', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'verwaltet 1'),
  ('ev q 1 nochmal', 'proj ''q''', 'EVAL', 'INACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'verwaltet 1'),
  ('ev q 2', 'proj ''q''', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'verwaltet 2'),
  ('ev q 3', 'proj ''q''', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'verwaltet 3'),
  ('ev β 1', 'proj-β', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'verwaltet 1'),
  ('ev β Modell', 'proj-β', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'verwaltet mit Modell'),
  ('ev β ohne alles', 'proj-β', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'eigene ohne alles'),
  ('ev β Parameter', 'proj-β', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'eigene ohne Parameter'),
  ('ev q ohne Modell', 'proj ''q''', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, 'eigene ohne Modell'),
  ('ev ohne Vorlage', 'proj ''q''', 'EVAL', 'ACTIVE', 's', '[]', 'trace', '[]', 1, 0, NULL);

-- right after: 20250523120545_add_nullable_job_template_id
INSERT INTO eval_templates (id, project_id, name, version, prompt, output_schema) VALUES ('verwaltet für Lauf', NULL, 'L', 1, 'p', '{}');
INSERT INTO job_configurations (id, project_id, job_type, score_name, filter, target_object, variable_mapping, sampling, delay, eval_template_id) VALUES
  ('ev lauf', 'proj-β', 'EVAL', 's', '[]', 'trace', '[]', 1, 0, 'verwaltet für Lauf');
INSERT INTO job_executions (id, project_id, job_configuration_id, status, job_template_id) VALUES
  ('lauf mit Vorlage', 'proj-β', 'ev lauf', 'COMPLETED', 'verwaltet für Lauf'), ('lauf ohne Vorlage', 'proj-β', 'ev lauf', 'ERROR', NULL);

-- right after: 20250529071241_make_blobstorage_integration_credentials_optional
INSERT INTO projects (id, name, org_id) VALUES ('proj ohne Schlüssel', 'x', 'org''zwei'), ('proj halber Schlüssel', 'x', 'org''zwei'), ('proj leerer Schlüssel', 'x', 'org''zwei');
INSERT INTO blob_storage_integrations (project_id, type, bucket_name, prefix, access_key_id, secret_access_key, region, force_path_style, enabled, export_frequency) VALUES
  ('proj ohne Schlüssel', 'S3', 'eimer', '', NULL, NULL, 'eu', false, true, 'daily'),
  ('proj halber Schlüssel', 'S3', 'eimer', '', 'AKIA "x"', NULL, 'eu', false, false, 'daily'),
  ('proj leerer Schlüssel', 'S3', 'eimer', '', '', '', 'eu', false, true, 'daily');

-- right after: 20250604085536_add_histogram_chart_type
INSERT INTO dashboard_widgets (id, project_id, name, description, view, dimensions, metrics, filters, chart_type, chart_config) VALUES
  ('verteilung 1', 'proj ''q''', 'n', '', 'OBSERVATIONS', '[]', '[{"measure": "latency", "agg": "histogram"}, {"measure": "count", "agg": "count"}]', '[]', 'HISTOGRAM', '{"type": "HISTOGRAM", "bins": 100}'),
  ('verteilung 2', 'proj-β', 'n', '', 'TRACES', '[]', '{"agg": "histogram"}', '[]', 'HISTOGRAM', '"HISTOGRAM"'),
  ('verteilung 3', 'proj-β', 'n', '', 'TRACES', '[]', '["histogram", {"agg": "histogram"}, null]', '[]', 'PIE', '{"type": "PIE"}'),
  ('verteilung 4', NULL, 'n', '', 'TRACES', '[]', '[]', '[]', 'HISTOGRAM', '{"type": "HISTOGRAM"}');

-- right after: 20250625_add_pivot_table_charttype
INSERT INTO dashboard_widgets (id, project_id, name, description, view, dimensions, metrics, filters, chart_type, chart_config) VALUES
  ('drehtabelle 1', 'proj ''q''', 'n', '', 'TRACES', '[{"field": "name"}, {"field": "tags; \"x\""}]', '[{"measure": "a", "agg": "sum"}, {"measure": "b", "agg": "avg"}]', '[]', 'PIVOT_TABLE', '{"type": "PIVOT_TABLE", "dimensions": ["name"], "row_limit": 7}'),
  ('drehtabelle 2', NULL, 'n', '', 'TRACES', '[]', '[]', '[]', 'PIVOT_TABLE', '{}');

-- right after: 20250704170658_add_automations
INSERT INTO actions (id, project_id, type, config) VALUES ('tat 1', 'proj ''q''', 'WEBHOOK', '{"type": "WEBHOOK", "url": "https://example.org/\"; --"}');
INSERT INTO triggers (id, project_id, "eventSource", "eventActions", filter, status) VALUES ('auslöser 1', 'proj ''q''', 'prompt', ARRAY['created', NULL, '"'], 'null', 'ACTIVE');
INSERT INTO automations (id, name, trigger_id, action_id, project_id) VALUES ('automat 1', 'A; "x"', 'auslöser 1', 'tat 1', 'proj ''q''');
INSERT INTO automation_executions (id, source_id, automation_id, trigger_id, action_id, project_id, status, input) VALUES
  ('ausführung 1', 's', 'automat 1', 'auslöser 1', 'tat 1', 'proj ''q''', 'CANCELLED', 'null');

-- right after: 20250709113103_add_blob_export_schedule_type
INSERT INTO projects (id, name, org_id) VALUES ('proj ab heute', 'x', 'org''zwei'), ('proj ab Datum', 'x', 'org''zwei'), ('proj ab Zukunft', 'x', 'org''zwei'), ('proj läuft schon', 'x', 'org''zwei'), ('proj alles', 'x', 'org''zwei');
INSERT INTO blob_storage_integrations (project_id, type, bucket_name, prefix, region, force_path_style, enabled, export_frequency, export_mode, export_start_date, last_sync_at, next_sync_at) VALUES
  ('proj ab heute', 'S3', 'eimer', '', 'eu', false, true, 'daily', 'FROM_TODAY', NULL, NULL, NULL),
  ('proj ab Datum', 'S3', 'eimer', '', 'eu', false, true, 'daily', 'FROM_CUSTOM_DATE', '2025-07-01 12:34:56.789', NULL, NULL),
  ('proj ab Zukunft', 'S3', 'eimer', '', 'eu', false, false, 'daily', 'FROM_CUSTOM_DATE', '2999-12-31 23:59:59.999', NULL, '2999-01-01'),
  ('proj läuft schon', 'S3', 'eimer', '', 'eu', false, true, 'daily', 'FROM_CUSTOM_DATE', '2025-01-01', '2025-07-01', '2025-07-02'),
  ('proj alles', 'S3', 'eimer', '', 'eu', false, true, 'daily', 'FULL_HISTORY', '2025-01-01', NULL, NULL);

-- right after: 20250711105322_prices_add_project_id
INSERT INTO prices (id, model_id, usage_type, price, project_id) VALUES
  ('preis eigen', 'model ''m''', 'input', 0.000000000000000000000000000001, 'proj-β'), ('preis global', 'model global', 'input', 1, NULL),
  ('preis falsch', 'model ''m''', 'out "put"', 1, 'proj ''q'''), ('preis ohne', 'model ''m''', 'total', 99999999999999999999999999999999999.5, NULL);

-- right after: 20250711134738_add_patch_llm_tool_schema_audit_logs_background_migration
UPDATE background_migrations SET failed_at = now(), failed_reason = 'kaputt; "x"' WHERE id = '3445cac4-d9d5-4750-8b65-351135c1b85e';

-- right after: 20250724114251_add_webhooks_datasets
INSERT INTO datasets (id, project_id, name, remote_experiment_url, remote_experiment_payload) VALUES
  ('ds fern', 'proj ''q''', 'fern', 'https://example.org/?a=''b''', '{"x": "\"; --"}'), ('ds fern', 'proj-β', 'fern', '', 'null'), ('ds fern 2', 'proj-β', 'fern 2', NULL, NULL);

-- right after: 20250724160133_add_session_object_type_annoation_queue_items
INSERT INTO annotation_queue_items (id, project_id, queue_id, object_id, object_type, status, completed_at, locked_at, locked_by_user_id) VALUES
  ('posten 1', 'proj ''q''', 'queue; 1', 'sitzung "1"', 'SESSION', 'PENDING', NULL, '2025-07-25', 'user "α"'),
  ('posten 2', 'proj ''q''', 'queue; 1', 'sitzung "1"', 'SESSION', 'COMPLETED', '2025-07-26', NULL, NULL),
  ('posten 3', 'proj ''q''', 'queue; 1', 'sitzung "1"', 'TRACE', 'PENDING', NULL, NULL, NULL);

-- right after: 20250730100100_add_slack_integration
INSERT INTO slack_integrations (id, project_id, team_id, team_name, bot_token, bot_user_id) VALUES ('slack 1', 'proj ''q''', 'T', 'Team "x"; --', 'geheim', 'U');
INSERT INTO actions (id, project_id, type, config) VALUES
  ('tat slack', 'proj ''q''', 'SLACK', '{"type": "SLACK", "channelId": "C1", "channelName": "#allgemein \"x\""}'),
  ('tat slack krumm', 'proj-β', 'SLACK', '["kein Objekt"]'),
  ('tat web', 'proj-β', 'WEBHOOK', '{"type": "WEBHOOK", "url": "https://example.org", "secretKey": "s"}');
INSERT INTO triggers (id, project_id, "eventSource", "eventActions", status) VALUES
  ('auslöser slack', 'proj ''q''', 'prompt', '{created}', 'ACTIVE'), ('auslöser beide', 'proj-β', 'prompt', '{created}', 'ACTIVE'),
  ('auslöser aus', 'proj-β', 'prompt', '{created}', 'INACTIVE'), ('auslöser ohne', 'proj-β', 'prompt', NULL, 'ACTIVE');
INSERT INTO automations (id, name, trigger_id, action_id, project_id) VALUES
  ('automat slack', 'x', 'auslöser slack', 'tat slack', 'proj ''q'''), ('automat beide 1', 'x', 'auslöser beide', 'tat slack krumm', 'proj-β'),
  ('automat beide 2', 'x', 'auslöser beide', 'tat web', 'proj-β'), ('automat aus', 'x', 'auslöser aus', 'tat slack krumm', 'proj-β');

-- right after: 20250731202005_add_trace_deletion_table
INSERT INTO pending_deletions (id, project_id, object, object_id, is_deleted) VALUES
  ('löschen 1', 'proj ''q''', 'trace', 't "1"; --', false), ('löschen 2', 'proj ''q''', 'trace', 't "1"; --', true);

-- right after: 20250806100613_add_annotation_queue_assignment_table
INSERT INTO annotation_queue_assignments (id, project_id, user_id, queue_id) VALUES ('zuteilung 1', 'proj ''q''', 'user "α"', 'queue; 1');

-- right after: 20250808081624_add_surveys_table
INSERT INTO surveys (id, survey_name, response, user_id, user_email, org_id) VALUES
  ('umfrage 1', 'user_onboarding', '{"frage; \"?\"": null}', 'user "α"', 'o''brien@example.org', NULL), ('umfrage 2', 'org_onboarding', '[]', NULL, NULL, 'org''zwei');

-- right after: 20250814100100_add_dataset_run_items_rmt_pg_to_ch_background_migration
UPDATE background_migrations SET finished_at = now(), state = '{"maxDate": "2025-08-14"}' WHERE id = '9f32e84c-7b1d-4f59-a803-d67ae5c9b2e8';

-- right after: 20250820143856_add_observation_types
INSERT INTO observations (id, project_id, type, name, input) VALUES
  ('obs agent', 'proj ''q''', 'AGENT', 'a "x"', '{"a": 1}'), ('obs tool', 'proj ''q''', 'TOOL', NULL, NULL), ('obs chain', 'proj ''q''', 'CHAIN', NULL, NULL),
  ('obs retriever', 'proj-β', 'RETRIEVER', NULL, NULL), ('obs evaluator', 'proj-β', 'EVALUATOR', NULL, NULL),
  ('obs embedding', 'proj-β', 'EMBEDDING', NULL, NULL), ('obs guardrail', 'proj-β', 'GUARDRAIL', NULL, NULL), ('obs event', 'proj-β', 'EVENT', NULL, NULL);

-- right after: 20250822135300_add_dashboard_filters
INSERT INTO dashboards (id, project_id, name, description, definition, filters) VALUES
  ('tafel gefiltert', 'proj ''q''', 'n', '', '{"widgets": []}', '[{"column": "x\"; --"}]'), ('tafel leer gefiltert', 'proj ''q''', 'n', '', '{"widgets": []}', 'null');

-- right after: 20250825100104_job_executions_add_input_trace_timestamp
INSERT INTO job_configurations (id, project_id, job_type, score_name, filter, target_object, variable_mapping, sampling, delay) VALUES ('ev zeit', 'proj-β', 'EVAL', 's', '[]', 'trace', '[]', 1, 0);
INSERT INTO job_executions (id, project_id, job_configuration_id, status, job_input_trace_timestamp) VALUES ('lauf zeit', 'proj-β', 'ev zeit', 'CANCELLED', '0001-01-01 00:00:00.001'), ('lauf zeitlos', 'proj-β', 'ev zeit', 'CANCELLED', 'infinity');

-- right after: 20250925133604_organizations_add_ai_features_enabled
UPDATE organizations SET ai_features_enabled = true WHERE id = 'org "eins"; --';

-- right after: 20251001161539_organization_cloud_billing_cycle_columns
UPDATE organizations SET cloud_billing_cycle_anchor = NULL, cloud_current_cycle_usage = 2147483647, cloud_free_tier_usage_threshold_state = 'BLOCKED "x"' WHERE id = 'org "eins"; --';
UPDATE organizations SET cloud_billing_cycle_anchor = '1999-12-31', cloud_billing_cycle_updated_at = now() WHERE id = 'org''zwei';

-- right after: 20251002153814_add_backfill_billing_cycle_anchors_background_migration
UPDATE background_migrations SET state = 'null', worker_id = '"; --' WHERE id = '0199b890-1093-7d1f-b662-be3c03527e93';

-- right after: 20251006173445_add_cloud_spend_alerts
INSERT INTO cloud_spend_alerts (id, org_id, title, threshold) VALUES ('alarm 1', 'org "eins"; --', 'Zu "teuer"; --', 0.000000000000000000000000000001), ('alarm 2', 'org''zwei', '', -1);

-- right after: 20251014161635_job_executions_add_execution_trace_id
INSERT INTO job_configurations (id, project_id, job_type, score_name, filter, target_object, variable_mapping, sampling, delay) VALUES ('ev warten', 'proj-β', 'EVAL', 's', '[]', 'trace', '[]', 1, 0);
INSERT INTO job_executions (id, project_id, job_configuration_id, status, execution_trace_id, error) VALUES
  ('lauf wartet', 'proj-β', 'ev warten', 'DELAYED', 'spur "x"; --', '429'), ('lauf wartet 2', 'proj-β', 'ev warten', 'DELAYED', NULL, NULL), ('lauf fertig', 'proj-β', 'ev warten', 'COMPLETED', '', NULL);

-- right after: 20251024193002_add_mixpanel_integration
INSERT INTO mixpanel_integrations (project_id, encrypted_mixpanel_project_token, mixpanel_region, enabled) VALUES ('proj ''q''', 'ver"schlüsselt', 'eu', true);

-- right after: 20251028143653_add_notification_preferences
INSERT INTO notification_preferences (id, user_id, project_id, channel, type, enabled) VALUES ('wunsch 1', 'user "α"', 'proj ''q''', 'EMAIL', 'COMMENT_MENTION', false);

-- right after: 20251029000042_add_comment_reactions
INSERT INTO comment_reactions (id, project_id, comment_id, user_id, emoji) VALUES ('reaktion 1', 'proj ''q''', 'comment 1', 'user "α"', '👩🏽‍🚀'), ('reaktion 2', 'proj ''q''', 'comment 1', 'user "α"', '"; --');

-- right after: 20251104091248_add_dataset_schema_enforcement
INSERT INTO datasets (id, project_id, name, input_schema, expected_output_schema) VALUES
  ('ds schema', 'proj ''q''', 'schema', '{ "b": 1, "a": "\u0000", "b": 2 }', 'null'), ('ds schema', 'proj-β', 'schema', NULL, '""');
