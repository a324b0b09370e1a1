-- undoes: 20251204213345_add_github_dispatch_action_type
-- class: schema
-- loses: nothing; automations that dispatch GitHub workflows are turned off; the archive keeps the originals
-- count: actions that dispatch GitHub workflows: SELECT count(*) FROM public.actions AS this WHERE this.type::text = 'GITHUB_DISPATCH'
--
-- The older release knows webhooks and Slack. Such an action becomes a webhook without secrets that nothing calls:
-- its trigger is switched off, since a webhook would send GitHub a body that means nothing there. The config becomes
-- that of a webhook too, because the older release checks it, and shows the whole of one that it does not know, with
-- the encrypted token.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('triggers', $set$ status = 'INACTIVE' $set$, $condition$
  this.status::text = 'ACTIVE' AND EXISTS (
    SELECT FROM public.automations AS automation
    JOIN public.actions AS action ON action.id = automation.action_id
    WHERE automation.trigger_id = this.id AND action.type::text = 'GITHUB_DISPATCH'
  )
$condition$, 'its action dispatches a GitHub workflow, which the older release cannot do');

SELECT langfuse_rollout.rewrite_rows('actions', $set$
  type = 'WEBHOOK',
  config = jsonb_build_object(
    'type', 'WEBHOOK', 'url', coalesce(this.config ->> 'url', 'https://github.invalid'),
    'apiVersion', jsonb_build_object('prompt', 'v1'), 'requestHeaders', jsonb_build_object(),
    'displayHeaders', jsonb_build_object(), 'secretKey', '', 'displaySecretKey', ''
  )
$set$, $condition$ this.type::text = 'GITHUB_DISPATCH' $condition$, 'the older release cannot dispatch GitHub workflows');

SELECT langfuse_rollout.rebuild_enum('ActionType', ARRAY['WEBHOOK', 'SLACK'], '{"GITHUB_DISPATCH": "WEBHOOK"}');
-- end
