-- undoes: 20260617000000_slack_integrations_pending_columns
-- class: schema
-- loses: nothing; Slack installs that no project has claimed yet go to the archive
-- count: Slack installs that no project has claimed yet: SELECT count(*) FROM public.slack_integrations AS this WHERE this.project_id IS NULL
--
-- Such an install waits 15 minutes for its project. The older release has no such thing, and no place for it.

-- phase: contract
SELECT langfuse_rollout.delete_rows('slack_integrations', 'this.project_id IS NULL',
  'no project has claimed the install, and the older release has only those of a project');
SELECT langfuse_rollout.set_not_null('slack_integrations', 'project_id', NULL);
SELECT langfuse_rollout.drop_index('slack_integrations_expires_at_idx');
SELECT langfuse_rollout.drop_column('slack_integrations', 'expires_at');
SELECT langfuse_rollout.drop_column('slack_integrations', 'claim_token_hash');
-- end
