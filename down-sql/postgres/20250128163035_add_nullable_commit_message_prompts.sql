-- undoes: 20250128163035_add_nullable_commit_message_prompts
-- class: schema
-- loses: nothing; commit messages of prompts go to the archive
-- count: prompts with a commit message: SELECT count(*) FROM public.prompts AS this WHERE this.commit_message IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.drop_column('prompts', 'commit_message');
-- end
