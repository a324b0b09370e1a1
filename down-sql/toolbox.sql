-- The archive and the functions that down SQL for PostgreSQL is written with: docs/down-sql.md. A rollback runs these
-- files by itself, in this order; by hand: psql -f down-sql/toolbox.sql. They hold no placeholders: what runs is what
-- stands there.
--
-- The functions take names of public, unquoted. They may be called twice, give only a NOTICE when their object does not
-- exist, never use CASCADE, and archive what they take away under the rollback and the migration that two settings name
-- (langfuse_rollout.rollback_id and langfuse_rollout.migration). condition, assignments and fill are SQL in which the
-- row is called this; other names of public need their schema there.
--
-- Every function has the same settings, whatever the role or the database has set: it finds only PostgreSQL's own names,
-- a policy that would hide rows from the archive is an error, and floating-point numbers keep all their digits.
-- #variable_conflict: a name that is both a parameter and a column means the parameter, so that calls read well.
\ir toolbox/archive.sql
\ir toolbox/look-up.sql
\ir toolbox/archive-rows.sql
\ir toolbox/batches.sql
\ir toolbox/rows.sql
\ir toolbox/background-migrations.sql
\ir toolbox/drops.sql
\ir toolbox/changes.sql
\ir toolbox/enums.sql
\ir toolbox/keep.sql
\ir toolbox/keep-calls.sql
\ir toolbox/give-back.sql
