-- Writes the script that puts back what a rollback archived in ClickHouse: docs/restore.md has the commands. It only reads.
--
-- The statements stand in the order in which they are to be run, in Langfuse's database; each may be run again, and
-- nothing leaves the archive. What cannot be put back is a comment.
--
-- A value comes back by writing its row once more under the same version: of rows with one sorting key and one version a
-- ReplacingMergeTree keeps the one that was inserted last
-- (https://clickhouse.com/docs/engines/table-engines/mergetree-family/replacingmergetree).
WITH
  entry AS (
    SELECT relation, `column`, stored_as, rows, migration FROM langfuse_rollout.archived
    WHERE rollback_id = {rollback_id:String} AND stored_as != ''
      -- Langfuse makes it again. Its old rows would show what users deleted since.
      AND relation != 'observations_pid_tid_sorting'
  ),
  -- Tables that a materialized view writes: what is put into its source arrives there as well, as the view computes it,
  -- so their own rows come after that.
  written_by_view AS (
    SELECT extract(create_table_query, ' TO (?:[^ (]*[.])?[^A-Za-z0-9_]?([A-Za-z0-9_]+)') AS target FROM system.tables
    WHERE database = currentDatabase() AND engine = 'MaterializedView'
  ),
  present_table AS (
    SELECT name, engine, extract(engine_full, '^ReplacingMergeTree\\(([^,)]+)') AS version FROM system.tables
    WHERE database = currentDatabase()
  ),
  -- Columns that are computed are left out: they are computed again.
  present_column AS (
    SELECT c.table AS relation, c.name AS name, c.position AS position,
      c.is_in_sorting_key OR c.name = t.version AS is_key,
      concat('`', replaceAll(replaceAll(c.name, '\\', '\\\\'), '`', '\\`'), '`') AS quoted,
      concat(extract(c.type, '^Nullable\\((.*)\\)$'),
        extract(c.type, '^LowCardinality\\(Nullable\\((.*)\\)\\)$')) AS inner_type,
      replaceAll(replaceAll(if(inner_type = '', c.type, inner_type), '\\', '\\\\'), '''', '\\''') AS escaped_type,
      concat('defaultValueOfTypeName(''', escaped_type, ''')') AS type_default,
      -- A column that could not be NULL in the older release has the default of its type where it was NULL.
      multiIf(c.default_expression != '', concat(quoted, ' = CAST(', c.default_expression, ' AS ', c.type, ')'),
        inner_type = '', concat(quoted, ' = ', type_default),
        concat('(', quoted, ' IS NULL OR ', quoted, ' = ', type_default, ')')) AS is_untouched
    FROM system.columns AS c INNER JOIN present_table AS t ON t.name = c.table
    WHERE c.database = currentDatabase() AND c.default_kind IN ('', 'DEFAULT')
  ),
  stored_table AS (
    SELECT table AS stored_as, groupArray(name) AS names FROM system.columns
    WHERE database = 'langfuse_rollout' AND default_kind IN ('', 'DEFAULT')
    GROUP BY table
  ),
  -- An entry with what its statement is made of.
  part AS (
    SELECT e.relation AS relation, e.`column` AS archived_column, e.rows AS rows, e.migration AS migration,
      e.stored_as AS stored_as, t.engine AS engine,
      e.relation IN (SELECT target FROM written_by_view) AS is_target,
      arraySort(groupArrayIf((c.position, c.quoted, c.name = e.`column`), c.name != '')) AS columns,
      arraySort(groupArrayIf((c.position, c.quoted), c.is_key)) AS keys,
      arraySort(groupArrayIf((c.position, c.quoted), has(s.names, c.name))) AS both,
      arraySort(groupArrayIf((c.position, c.quoted), has(s.names, c.name) AND c.is_key)) AS both_keys,
      countIf(c.name = e.`column` AND c.name != '') > 0 AS has_column,
      countIf(c.name = e.`column` AND c.is_key) > 0 AS is_key_column,
      anyIf(c.is_untouched, c.name = e.`column`) AS is_untouched
    FROM entry AS e
    LEFT JOIN present_table AS t ON t.name = e.relation
    LEFT JOIN present_column AS c ON c.relation = e.relation
    LEFT JOIN stored_table AS s ON s.stored_as = e.stored_as
    GROUP BY ALL
  ),
  -- A row whose key is there already stays out: it was written since, or by this very statement. Where a key says nothing,
  -- rows are compared as a whole; a NULL would make NOT IN unknown.
  statement AS (
    SELECT *,
      concat('`', replaceAll(replaceAll(relation, '\\', '\\\\'), '`', '\\`'), '`') AS into_table,
      concat('langfuse_rollout.`', replaceAll(replaceAll(stored_as, '\\', '\\\\'), '`', '\\`'), '`') AS from_table,
      arrayStringConcat(both.2, ', ') AS list,
      if(engine = 'MergeTree' OR is_target AND engine = 'ReplacingMergeTree',
        concat('cityHash64(toString(tuple(', list, ')))'),
        concat('tuple(', arrayStringConcat(both_keys.2, ', '), ')')) AS key,
      '\nSETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, max_execution_time = 0;' AS settings,
      multiIf(
        archived_column = '' AND engine = '', 'there is no such table',
        archived_column = '' AND NOT endsWith(engine, 'MergeTree'), concat('it is a ', engine, ' now'),
        archived_column = '', '',
        NOT has_column, 'the table has no such column',
        is_key_column, 'the column tells rows from each other now',
        engine != 'ReplacingMergeTree', concat('a ', engine, ' keeps both rows: to be updated by hand'),
        '') AS refused,
      multiIf(refused != '', '',
        archived_column = '', concat('\nINSERT INTO ', into_table, ' (', list, ')\nSELECT ', list, ' FROM ', from_table,
          ' WHERE ', key, ' NOT IN (SELECT ', key, ' FROM ', into_table, ')', settings),
        concat('\nINSERT INTO ', into_table, ' (', arrayStringConcat(columns.2, ', '), ')\nSELECT ',
          arrayStringConcat(arrayMap(c -> concat(if(c.3, 'kept.', 'this.'), c.2), columns), ', '),
          ' FROM (SELECT * FROM ', into_table, ' FINAL WHERE ', is_untouched, ') AS this\nINNER JOIN (SELECT * FROM ',
          from_table, ' LIMIT 1 BY ', arrayStringConcat(keys.2, ', '), ') AS kept ON ',
          arrayStringConcat(arrayMap(name -> concat('this.', name, ' = kept.', name), keys.2), ' AND '), settings)) AS sql
    FROM part
  )
SELECT concat('-- ', relation, if(archived_column = '', '', concat('.', archived_column)), ': ', toString(rows), ' rows',
  multiIf(refused != '', concat(': ', refused),
    archived_column != '', ': where the column has its default, and the row no newer version', ''), sql, '\n') AS script
FROM statement
ORDER BY is_target, archived_column != '', migration DESC, relation, archived_column, stored_as
SETTINGS join_use_nulls = 0
FORMAT TSVRaw;
