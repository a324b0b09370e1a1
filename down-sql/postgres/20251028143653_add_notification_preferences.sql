-- undoes: 20251028143653_add_notification_preferences
-- class: schema
-- loses: nothing; notification preferences go to the archive; the older release sends none of these notifications
-- count: notification preferences that go to the archive: SELECT count(*) FROM public.notification_preferences

-- phase: contract
SELECT langfuse_rollout.drop_table('notification_preferences');
SELECT langfuse_rollout.drop_enum('NotificationChannel');
SELECT langfuse_rollout.drop_enum('NotificationType');
-- end
