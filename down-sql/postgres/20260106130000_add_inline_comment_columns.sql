-- undoes: 20260106130000_add_inline_comment_columns
-- class: schema
-- loses: nothing; the text positions of comments go to the archive; the older release shows them as ordinary comments
-- count: comments with a text position, which goes to the archive: SELECT count(*) FROM public.comments AS this WHERE this.data_field IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('comments', 'data_field');
SELECT langfuse_rollout.drop_column('comments', 'path');
SELECT langfuse_rollout.drop_column('comments', 'range_start');
SELECT langfuse_rollout.drop_column('comments', 'range_end');
-- end
