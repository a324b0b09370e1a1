-- undoes: 20251029000045_add_comment_reaction_idx3
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('comment_reactions_comment_id_user_id_emoji_key');
-- end
