-- undoes: 20250814090100_remove_dataset_run_items_pg_to_ch_background_migration
-- class: schema
-- loses: nothing; the background migration comes back as finished, whatever its state was when the upgrade deleted it
--
-- As finished, so that the older worker does not copy everything a second time: a later background migration has copied
-- the same rows, and the older release reads Postgres unless it is told otherwise.

-- phase: contract
SELECT langfuse_rollout.insert_background_migration('8d47f91b-3e5c-4a26-9f85-c12d6e4b9a3d',
  '20250731_1001_migrate_dataset_run_items_pg_to_ch', 'migrateDatasetRunItemsFromPostgresToClickhouse', '{}');
-- end
