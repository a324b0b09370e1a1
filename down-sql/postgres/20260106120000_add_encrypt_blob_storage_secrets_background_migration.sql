-- undoes: 20260106120000_add_encrypt_blob_storage_secrets_background_migration
-- class: schema
-- loses: nothing; the row of the background migration goes to the archive, the secrets stay encrypted
--
-- It encrypted those secrets of blob storage integrations that had come in through the public API as they were.
-- The older release decrypts every secret before it uses one, so it could use none of those, and can now. Run
-- again after an upgrade, it leaves alone what it can decrypt.
-- Until it goes it is paused: an older worker does not have its script and would stop at it.

-- phase: expand
SELECT langfuse_rollout.pause_background_migration('01a0c890-2094-8e2f-c773-cf4d14638fa4');

-- phase: contract
SELECT langfuse_rollout.delete_background_migration('01a0c890-2094-8e2f-c773-cf4d14638fa4');
-- end
