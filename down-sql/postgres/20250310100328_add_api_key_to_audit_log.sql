-- undoes: 20250310100328_add_api_key_to_audit_log
-- class: schema
-- loses: nothing; audit log entries of API keys stay; the older release shows the key in place of the user
-- count: audit log entries of API keys or with no user: SELECT count(*) FROM public.audit_logs AS this WHERE this.user_id IS NULL OR this.user_org_role IS NULL OR this.api_key_id IS NOT NULL OR this.type::text <> 'USER'
--
-- An audit log is never deleted from. The older release requires a user and a role and shows the user's id where it
-- finds no such user, so the key's id is put there, marked as one. The entries are in the archive as they were.

-- phase: prepare
SELECT langfuse_rollout.archive_column('audit_logs', 'api_key_id');
SELECT langfuse_rollout.archive_column('audit_logs', 'type');
-- to_jsonb, because the column api_key_id is gone when this runs a second time.
SELECT langfuse_rollout.rewrite_rows('audit_logs',
  'user_id = coalesce(this.user_id, ''api-key:'' || (to_jsonb(this) ->> ''api_key_id''), ''unknown''),
   user_org_role = coalesce(this.user_org_role, ''NONE'')',
  'this.user_id IS NULL OR this.user_org_role IS NULL',
  'the older release requires a user and a role');

-- phase: contract
-- Entries that a newer container wrote as its last ones, after prepare, still have no user.
SELECT langfuse_rollout.set_not_null('audit_logs', 'user_id', 'coalesce(''api-key:'' || this.api_key_id, ''unknown'')');
SELECT langfuse_rollout.set_not_null('audit_logs', 'user_org_role', '''NONE''');
SELECT langfuse_rollout.drop_index('audit_logs_api_key_id_idx');
SELECT langfuse_rollout.drop_column('audit_logs', 'api_key_id');
SELECT langfuse_rollout.drop_column('audit_logs', 'type');
SELECT langfuse_rollout.drop_enum('AuditLogRecordType');
-- end
