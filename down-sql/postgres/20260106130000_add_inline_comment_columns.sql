-- undoes: 20260106130000_add_inline_comment_columns
-- class: schema
-- loses: nothing; where in the text a comment stands goes to the archive, and the older release shows it as any other comment
-- count: comments that stand at a place in the text, which goes to the archive: SELECT count(*) FROM public.comments AS this WHERE this.data_field IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('comments', 'data_field');
SELECT langfuse_rollout.drop_column('comments', 'path');
SELECT langfuse_rollout.drop_column('comments', 'range_start');
SELECT langfuse_rollout.drop_column('comments', 'range_end');
-- end
