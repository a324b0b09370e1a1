-- undoes: 20260316000000_add_blob_storage_failure_notification_sent_at
-- class: schema
-- loses: nothing; the time of the last failure notification goes to the archive
-- count: blob storage integrations with a failure notification: SELECT count(*) FROM public.blob_storage_integrations AS this WHERE this.last_failure_notification_sent_at IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('blob_storage_integrations', 'last_failure_notification_sent_at');
-- end
