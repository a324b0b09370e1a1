-- undoes: 20250730100100_add_slack_integration
-- class: schema
-- loses: nothing; the Slack connection goes to the archive; automations that post to Slack are turned off
-- count: connections to Slack that go to the archive: SELECT count(*) FROM public.slack_integrations
-- count: actions that post to Slack: SELECT count(*) FROM public.actions AS this WHERE this.type::text = 'SLACK'
--
-- The only other type is a webhook. An action that posts to Slack becomes one with no address and no secret, which the
-- older release never sends; its other settings stay. What triggers nothing but such actions is switched off.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('triggers',
  $$status = 'INACTIVE'$$,
  $$this.status::text = 'ACTIVE'
    AND EXISTS (
      SELECT FROM public.automations AS link JOIN public.actions AS action ON action.id = link.action_id
      WHERE link.trigger_id = this.id AND action.type::text = 'SLACK')
    AND NOT EXISTS (
      SELECT FROM public.automations AS link JOIN public.actions AS action ON action.id = link.action_id
      WHERE link.trigger_id = this.id AND action.type::text <> 'SLACK')$$,
  'it posts to Slack, which the older release cannot');
SELECT langfuse_rollout.rewrite_rows('actions',
  $$type = 'WEBHOOK',
    config = CASE jsonb_typeof(this.config) WHEN 'object' THEN this.config ELSE '{}' END
      || '{"type": "WEBHOOK", "url": "", "apiVersion": {"prompt": "v1"}}'$$,
  $$this.type::text = 'SLACK'$$,
  'the older release cannot post to Slack');
SELECT langfuse_rollout.rebuild_enum('ActionType', ARRAY['WEBHOOK'], '{"SLACK": "WEBHOOK"}');
SELECT langfuse_rollout.drop_table('slack_integrations');
-- end
