-- undoes: 20251126000000_add_comment_search_indexes
-- class: schema
-- loses: nothing
--
-- The index only made the search in comments fast. Dropping it is a matter of a moment, so it needs no CONCURRENTLY.

-- phase: contract
SELECT langfuse_rollout.drop_index('idx_comments_content_gin');
-- end
