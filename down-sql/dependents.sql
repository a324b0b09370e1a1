-- What hangs on the objects that a rollback touches. The executor asks before anything changes, and so does a dry run.
-- Reads only PostgreSQL's catalog. $1: the touched objects as JSON, from the down SQL; $2: the names of Langfuse's own
-- tables and views of every release, as a JSON array. By hand: PREPARE it, and give it '[{"call": "drop_column",
-- "name": "users", "part": "v4_beta_enabled"}]' and '[]'. With search_path = pg_catalog all names are qualified.
--
-- verdict: 'taken' (made again, or it goes along), 'left' (stays as it is), 'refused' (the rollback would fail or do harm).
-- object and clause make a sentence. remedy: the statement that clears the way. probe: SQL that finds out whether a
-- refusal applies (one boolean); NULL: it does. key: the object's name in a schema snapshot of the catalog, if it may be
-- Langfuse's own.
\ir dependents/touched.sql
\ir dependents/columns.sql
UNION ALL
\ir dependents/views.sql
UNION ALL
\ir dependents/enums.sql
UNION ALL
\ir dependents/tables.sql
UNION ALL
\ir dependents/rows.sql
UNION ALL
\ir dependents/names.sql
UNION ALL
\ir dependents/roles.sql
ORDER BY 1, 3, 4
