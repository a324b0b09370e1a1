-- undoes: 20251211204006_dataset_items_switch_pk
-- class: schema
-- loses: nothing; versions of dataset items that are not the current one go to the archive, as do deleted items
-- count: versions of dataset items that are not the current one, or are marked as deleted: SELECT count(*) FROM public.dataset_items AS this WHERE this.is_deleted OR EXISTS (SELECT FROM public.dataset_items AS newer WHERE newer.id = this.id AND newer.project_id = this.project_id AND newer.valid_from > this.valid_from)
--
-- The newer release keeps every version of an item as a row of its own, and deletes by a row that says so. The older
-- one has one row for an item: the version that became valid last, or none where that one says deleted. Before this,
-- 20251215233730_dataset_items_add_valid_to has put away versions that ended without a successor.
--
-- Run items that point to a put away item are the matter of 20251208121203_dataset_run_items_drop_fk_dataset_items.
--
-- Between the phases the older release finds all versions of an item, and changes all of them; contract keeps one.
-- The table can be big: prepare does the work, contract looks once more and builds the two indexes.

-- phase: prepare
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.dataset_items'), 'valid_from') IS NOT NULL THEN
    PERFORM langfuse_rollout.delete_rows('dataset_items', $condition$
      EXISTS (
        SELECT FROM public.dataset_items AS newer
        WHERE newer.id = this.id AND newer.project_id = this.project_id AND newer.valid_from > this.valid_from
      )
    $condition$, 'a newer version of the item is kept');
  END IF;
END
$down$;
-- A statement of its own: it may only begin when every older version is gone, or the one before a deletion would stay.
DO $down$
BEGIN
  IF langfuse_rollout.column_named(pg_catalog.to_regclass('public.dataset_items'), 'valid_from') IS NOT NULL THEN
    PERFORM langfuse_rollout.delete_rows('dataset_items', 'this.is_deleted', 'the newer release has deleted the item');
  END IF;
END
$down$;

-- phase: contract
DO $down$
BEGIN
  -- Only the key of the newer release: the foreign key of the run items may need that of the older one already.
  IF EXISTS (
    SELECT FROM pg_catalog.pg_constraint
    WHERE conrelid = pg_catalog.to_regclass('public.dataset_items') AND conname = 'dataset_items_pkey'
      AND cardinality(conkey) = 3
  ) THEN
    LOCK TABLE public.dataset_items IN ACCESS EXCLUSIVE MODE;
    PERFORM langfuse_rollout.delete_rows('dataset_items', $condition$
      EXISTS (
        SELECT FROM public.dataset_items AS newer
        WHERE newer.id = this.id AND newer.project_id = this.project_id AND newer.valid_from > this.valid_from
      )
    $condition$, 'a newer version of the item is kept');
    PERFORM langfuse_rollout.delete_rows('dataset_items', 'this.is_deleted', 'the newer release has deleted the item');

    -- The migration made the index into the key, and with that took its name. PostgreSQL cannot take a key off an
    -- index again, so both are built anew.
    PERFORM langfuse_rollout.drop_constraint('dataset_items', 'dataset_items_pkey');
    ALTER TABLE public.dataset_items ADD CONSTRAINT dataset_items_pkey PRIMARY KEY (id, project_id);
    CREATE UNIQUE INDEX IF NOT EXISTS dataset_items_id_project_id_valid_from_key
      ON public.dataset_items USING btree (id, project_id, valid_from);
  END IF;
END
$down$;
-- end
