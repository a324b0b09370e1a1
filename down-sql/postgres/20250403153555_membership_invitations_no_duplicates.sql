-- undoes: 20250403153555_membership_invitations_no_duplicates
-- class: lossy
-- loses: duplicate invitations to one organization, which the upgrade deleted (it kept the last one changed); the archive does not have them
--
-- What is left of the migration is a unique index, which the older release does not expect: it lets an address be
-- invited twice. The next upgrade deletes such duplicates again.

-- phase: contract
SELECT langfuse_rollout.drop_index('membership_invitations_email_org_id_key');
-- end
