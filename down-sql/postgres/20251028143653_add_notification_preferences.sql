-- undoes: 20251028143653_add_notification_preferences
-- class: schema
-- loses: nothing; which notifications people want goes to the archive, and the older release sends none of them
-- count: notification preferences that go to the archive: SELECT count(*) FROM public.notification_preferences

-- phase: contract
SELECT langfuse_rollout.drop_table('notification_preferences');
SELECT langfuse_rollout.drop_enum('NotificationChannel');
SELECT langfuse_rollout.drop_enum('NotificationType');
-- end
