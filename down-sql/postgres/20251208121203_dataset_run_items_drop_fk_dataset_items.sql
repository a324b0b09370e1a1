-- undoes: 20251208121203_dataset_run_items_drop_fk_dataset_items
-- class: schema
-- loses: nothing; run items whose dataset item is gone go to the archive
--
-- The newer release deletes a dataset item and leaves its run items; the foreign key would have deleted them with it.
-- It comes back NOT VALID, which looks at new rows only, and validate looks at the old ones. Until it is back, the
-- older release leaves such rows as well: that is why validate repairs once more.
--
-- There is no count: in a database of v4 the table is gone, and the one that undoing brings back is empty.

-- phase: prepare
SELECT langfuse_rollout.delete_rows('dataset_run_items', $condition$
  NOT EXISTS (
    SELECT FROM public.dataset_items AS item WHERE item.id = this.dataset_item_id AND item.project_id = this.project_id
  )
$condition$, 'its dataset item is gone');

-- phase: contract
SELECT langfuse_rollout.add_constraint('dataset_run_items', 'dataset_run_items_dataset_item_id_project_id_fkey',
  'FOREIGN KEY (dataset_item_id, project_id) REFERENCES public.dataset_items (id, project_id)
   ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');

-- phase: validate
SELECT langfuse_rollout.delete_rows('dataset_run_items', $condition$
  NOT EXISTS (
    SELECT FROM public.dataset_items AS item WHERE item.id = this.dataset_item_id AND item.project_id = this.project_id
  )
$condition$, 'its dataset item is gone');
SELECT langfuse_rollout.validate_constraint('dataset_run_items', 'dataset_run_items_dataset_item_id_project_id_fkey');
-- end
