-- undoes: 20251215233730_dataset_items_add_valid_to
-- class: schema
-- loses: nothing; the end of each version's validity goes to the archive
-- count: versions of dataset items that have ended: SELECT count(*) FROM public.dataset_items AS this WHERE this.valid_to IS NOT NULL
--
-- For the newer release the current version of an item is the one without an end. The older one takes the version that
-- became valid last. These are the same but for a version that ended with none after it (clocks of two servers
-- differed, or the item was deleted): the older release would show it again, so it goes to the archive.
--
-- The table can be big: its values are copied before contract, so that dropping the column takes a moment.

-- phase: prepare
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.dataset_items'), 'valid_to') IS NOT NULL THEN
    PERFORM langfuse_rollout.delete_rows('dataset_items', $condition$
      this.valid_to IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.dataset_items AS later
        WHERE later.id = this.id AND later.project_id = this.project_id
          AND later.valid_to IS NULL AND later.valid_from > this.valid_from
      )
    $condition$, 'the version has ended and none came after it');
  END IF;
END
$down$;
SELECT langfuse_rollout.archive_column('dataset_items', 'valid_to');

-- phase: contract
SELECT langfuse_rollout.drop_column('dataset_items', 'valid_to');
-- end
