-- undoes: 20250403153555_membership_invitations_no_duplicates
-- class: lossy
-- loses: duplicate invitations to one organization, which the upgrade deleted (it kept the last one changed); the archive does not have them
--
-- Which of two that were changed at the same moment stays is chance, so deploy keeps all that have a duplicate; those
-- that are still there after the migration leave the copy.
--
-- What is left of the migration is a unique index, which the older release does not expect: it lets an address be
-- invited twice. The next upgrade deletes such duplicates again.

-- phase: keep
SELECT langfuse_rollout.keep_rows('membership_invitations', 'EXISTS (SELECT FROM public.membership_invitations AS other
  WHERE other.email = this.email AND other.org_id = this.org_id AND other.id <> this.id)');

-- phase: contract
SELECT langfuse_rollout.drop_index('membership_invitations_email_org_id_key');
SELECT langfuse_rollout.give_back_rows('membership_invitations');
-- end
