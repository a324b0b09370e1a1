-- undoes: 20260612000000_add_dataset_item_media
-- class: schema
-- loses: nothing; the table moves to the archive, and the older release shows the reference in place of the media
-- count: links of dataset items to media that move to the archive: SELECT count(*) FROM public.dataset_item_media

-- phase: contract
SELECT langfuse_rollout.drop_table('dataset_item_media');
-- end
