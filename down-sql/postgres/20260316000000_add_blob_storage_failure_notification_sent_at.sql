-- undoes: 20260316000000_add_blob_storage_failure_notification_sent_at
-- class: schema
-- loses: nothing; when a failure was last told of goes to the archive
-- count: blob storage integrations of which a failure was told: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.last_failure_notification_sent_at IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'last_failure_notification_sent_at');
-- end
