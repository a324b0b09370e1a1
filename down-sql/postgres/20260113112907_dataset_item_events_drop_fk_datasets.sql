-- undoes: 20260113112907_dataset_item_events_drop_fk_datasets
-- class: schema
-- loses: nothing; events of a dataset that is gone go to the archive
--
-- The foreign key would have deleted them with the dataset. There is no count: 20260113114006_dataset_item_events_drop_table,
-- of the same release, has dropped the table, and the one that undoing brings back is empty.

-- phase: contract
SELECT langfuse_rollout.delete_rows('dataset_item_events', $condition$
  NOT EXISTS (
    SELECT FROM public.datasets AS dataset WHERE dataset.id = this.dataset_id AND dataset.project_id = this.project_id
  )
$condition$, 'its dataset is gone');
SELECT langfuse_rollout.add_constraint('dataset_item_events', 'dataset_item_events_dataset_id_project_id_fkey',
  'FOREIGN KEY (dataset_id, project_id) REFERENCES public.datasets (id, project_id)
   ON UPDATE CASCADE ON DELETE CASCADE NOT VALID');

-- phase: validate
SELECT langfuse_rollout.delete_rows('dataset_item_events', $condition$
  NOT EXISTS (
    SELECT FROM public.datasets AS dataset WHERE dataset.id = this.dataset_id AND dataset.project_id = this.project_id
  )
$condition$, 'its dataset is gone');
SELECT langfuse_rollout.validate_constraint('dataset_item_events', 'dataset_item_events_dataset_id_project_id_fkey');
-- end
