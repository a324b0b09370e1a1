-- undoes: 20260619120000_revert_slack_pending_install_columns
-- class: schema
-- loses: Slack installs that waited for their project when the upgrade ran; each waits for at most 15 minutes
--
-- The migration took back 20260617000000_slack_integrations_pending_columns, which only 3.193.0 and 3.194.0 know. The
-- index is built here, not beside the running release in validate: by then undoing that migration may have taken its
-- column away. The table has a row for each project that uses Slack.

-- phase: expand
SELECT langfuse_rollout.drop_not_null('slack_integrations', 'project_id');
SELECT langfuse_rollout.add_column('slack_integrations', 'expires_at', 'timestamp(3) without time zone');
SELECT langfuse_rollout.add_column('slack_integrations', 'claim_token_hash', 'text');
DO $down$
BEGIN
  IF pg_catalog.to_regclass('public.slack_integrations') IS NOT NULL THEN
    CREATE INDEX IF NOT EXISTS slack_integrations_expires_at_idx
      ON public.slack_integrations USING btree (expires_at);
  END IF;
END
$down$;
-- end
