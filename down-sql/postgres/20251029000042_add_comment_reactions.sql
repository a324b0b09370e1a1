-- undoes: 20251029000042_add_comment_reactions
-- class: schema
-- loses: nothing; reactions to comments go to the archive
-- count: reactions to comments that go to the archive: SELECT count(*) FROM public.comment_reactions

-- phase: contract
SELECT langfuse_rollout.drop_table('comment_reactions');
-- end
