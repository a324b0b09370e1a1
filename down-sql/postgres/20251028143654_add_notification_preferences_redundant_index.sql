-- undoes: 20251028143654_add_notification_preferences_redundant_index
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('notification_preferences_user_id_project_id_channel_type_key');
-- end
