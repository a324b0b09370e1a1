-- undoes: 20251201095227_dataset_items_add_version_cols
-- class: schema
-- loses: nothing; the start of each item's validity and items marked as deleted go to the archive
-- count: dataset items that are marked as deleted, which go to the archive: SELECT count(*) FROM public.dataset_items AS this WHERE this.is_deleted
-- count: dataset items without a status, which become active: SELECT count(*) FROM public.dataset_items AS this WHERE this.status IS NULL
--
-- The older release has one row for an item and deletes it when the item is deleted: a row that says of itself that
-- it is deleted would be an item again. No status means active; the newer release shows it so.
--
-- The table can be big: prepare copies and deletes, and contract looks once more at what little is left.

-- phase: prepare
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.dataset_items'), 'is_deleted') IS NOT NULL THEN
    PERFORM langfuse_rollout.delete_rows('dataset_items', 'this.is_deleted', 'the newer release has deleted the item');
  END IF;
END
$down$;
SELECT langfuse_rollout.rewrite_rows('dataset_items', $set$ status = 'ACTIVE' $set$, 'this.status IS NULL',
  'the older release needs a status');
SELECT langfuse_rollout.archive_column('dataset_items', 'is_deleted');
SELECT langfuse_rollout.archive_column('dataset_items', 'sys_id');
SELECT langfuse_rollout.archive_column('dataset_items', 'valid_from');

-- phase: contract
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.dataset_items'), 'is_deleted') IS NOT NULL THEN
    LOCK TABLE public.dataset_items IN ACCESS EXCLUSIVE MODE;
    PERFORM langfuse_rollout.delete_rows('dataset_items', 'this.is_deleted', 'the newer release has deleted the item');
  END IF;
END
$down$;
SELECT langfuse_rollout.set_not_null('dataset_items', 'status', '''ACTIVE''');
SELECT langfuse_rollout.drop_column('dataset_items', 'is_deleted');
SELECT langfuse_rollout.drop_column('dataset_items', 'sys_id');
SELECT langfuse_rollout.drop_column('dataset_items', 'valid_from');
-- end
