-- undoes: 20250116154613_add_billing_meter_backups
-- class: schema
-- loses: nothing; backups of billing meters go to the archive
-- count: backups of billing meters that go to the archive: SELECT count(*) FROM public.billing_meter_backups

-- phase: contract
SELECT langfuse_rollout.drop_table('billing_meter_backups');
-- end
