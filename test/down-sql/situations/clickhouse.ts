/** An owner's ClickHouse in which one migration is undone. `DB` is the database. */
export type ClickHouseSituation = {
  readonly name: string
  /** 12 drops scores.session_id, 7 moves event_log. */
  readonly version: 12 | 7
  readonly sql: readonly string[]
  readonly verdict: 'left' | 'refused'
  /** What the check says, in one of its sentences. */
  readonly says?: string
  /** Runs after the rollback. Without the check it fails, unless the rollback itself does. */
  readonly works?: string
}

const SCORE = 'INSERT INTO scores (id, project_id, name, value, session_id) VALUES'

export const CLICKHOUSE_SITUATIONS: readonly ClickHouseSituation[] = [
  {
    name: 'a materialized view on a dropped column',
    version: 12,
    sql: ['CREATE MATERIALIZED VIEW `my; view` TO mine AS SELECT session_id AS id FROM scores'],
    verdict: 'refused',
    says: 'Materialized view DB.`my; view` reads scores.session_id, which the rollback drops. Run `DROP VIEW DB.`my; view`;`',
  },
  {
    name: 'a materialized view of all columns',
    version: 12,
    sql: ['CREATE MATERIALIZED VIEW all_of ENGINE = Null AS SELECT * FROM scores'],
    verdict: 'refused',
    says: 'Run `DROP VIEW DB.all_of;`',
  },
  {
    name: 'a materialized view of columns by a pattern',
    version: 12,
    sql: ["CREATE MATERIALIZED VIEW some_of ENGINE = Null AS SELECT COLUMNS('^ses') FROM scores"],
    verdict: 'refused',
    says: 'Run `DROP VIEW DB.some_of;`',
  },
  {
    name: 'a materialized view of other columns by a pattern',
    version: 12,
    sql: ["CREATE MATERIALIZED VIEW some_of ENGINE = Null AS SELECT COLUMNS('^na') FROM scores"],
    verdict: 'left',
    works: "INSERT INTO scores (id, project_id, name) VALUES ('x', 'p', 'n')",
  },
  {
    name: 'a plain view on a dropped column',
    version: 12,
    sql: ['CREATE VIEW bi AS SELECT id, session_id FROM scores'],
    verdict: 'refused',
    says: 'View DB.bi reads scores.session_id, which the rollback drops. Run `DROP VIEW DB.bi;`',
    works: 'SELECT count(session_id) FROM bi',
  },
  {
    name: 'a view on a plain view on a dropped column',
    version: 12,
    sql: [
      'CREATE VIEW inner_one AS SELECT id, session_id FROM scores',
      'CREATE VIEW outer_one AS SELECT id FROM inner_one',
    ],
    verdict: 'refused',
    says: 'View DB.outer_one reads view DB.inner_one, which does.',
    works: 'SELECT id FROM outer_one',
  },
  {
    name: 'a materialized view that reads through a plain view',
    version: 12,
    sql: [
      'CREATE VIEW sessions AS SELECT id, session_id FROM scores',
      'CREATE MATERIALIZED VIEW fed TO mine AS SELECT t.id AS id FROM traces AS t LEFT JOIN sessions AS s ON s.id = t.id',
    ],
    verdict: 'refused',
    says: 'Materialized view DB.fed reads view DB.sessions, which does. Run `DROP VIEW DB.fed;`',
    works: "INSERT INTO traces (id, project_id, name) VALUES ('x', 'p', 'n')",
  },
  {
    name: 'a view on other columns',
    version: 12,
    sql: [
      'CREATE VIEW bi AS SELECT id, name FROM scores',
      "CREATE MATERIALIZED VIEW harmless ENGINE = Null AS SELECT id, 'x' AS session_id FROM scores",
    ],
    verdict: 'left',
    works: 'SELECT count() FROM bi',
  },
  {
    name: 'an index on a dropped column',
    version: 12,
    sql: ["ALTER TABLE scores ADD INDEX `my 'index'` lower(session_id) TYPE minmax"],
    verdict: 'refused',
    says: "Index my 'index' on scores uses scores.session_id, which the rollback drops. Run `ALTER TABLE `scores` DROP INDEX `my 'index'`;`",
  },
  {
    name: 'a projection with a dropped column',
    version: 12,
    sql: [
      "ALTER TABLE scores MODIFY SETTING deduplicate_merge_projection_mode = 'drop'",
      'ALTER TABLE scores ADD PROJECTION by_session (SELECT session_id, count() GROUP BY session_id)',
    ],
    verdict: 'refused',
    says: 'Projection by_session of scores uses scores.session_id, which the rollback drops. Run `ALTER TABLE `scores` DROP PROJECTION by_session;`',
  },
  {
    name: 'an ALIAS column of a dropped column',
    version: 12,
    sql: ['ALTER TABLE scores ADD COLUMN upper_session String ALIAS upper(session_id)'],
    verdict: 'refused',
    says: 'ALIAS column scores.upper_session uses scores.session_id, which the rollback drops. Run `ALTER TABLE `scores` DROP COLUMN `upper_session`;`',
  },
  {
    name: 'a MATERIALIZED column of a dropped column',
    version: 12,
    sql: ['ALTER TABLE scores ADD COLUMN length UInt64 MATERIALIZED length(session_id)'],
    verdict: 'refused',
    says: 'MATERIALIZED column scores.length uses scores.session_id',
  },
  {
    name: 'a DEFAULT of a dropped column',
    version: 12,
    sql: ["ALTER TABLE scores ADD COLUMN copy String DEFAULT ifNull(session_id, '')"],
    verdict: 'refused',
    says: 'DEFAULT column scores.copy uses scores.session_id',
  },
  {
    name: 'a check on a dropped column',
    version: 12,
    sql: ["ALTER TABLE scores ADD CONSTRAINT no_comma CHECK position(ifNull(session_id, ''), ',') = 0"],
    verdict: 'refused',
    says: 'Constraint no_comma of scores uses scores.session_id, which the rollback drops. Run `ALTER TABLE `scores` DROP CONSTRAINT no_comma;`',
  },
  {
    name: 'a TTL of rows with a dropped column',
    version: 12,
    sql: [
      "ALTER TABLE scores MODIFY TTL toDateTime(timestamp) + INTERVAL 1 YEAR DELETE WHERE session_id = 'x'",
    ],
    verdict: 'refused',
    says: 'The TTL of scores uses scores.session_id, which the rollback drops. Run `ALTER TABLE `scores` REMOVE TTL;`',
  },
  {
    name: 'a TTL of rows with other columns',
    version: 12,
    sql: ['ALTER TABLE scores MODIFY TTL toDateTime(timestamp) + INTERVAL 1 YEAR'],
    verdict: 'left',
    works:
      "SELECT throwIf(count() = 0) FROM system.tables WHERE database = currentDatabase() AND name = 'scores' AND engine_full LIKE '%TTL%'",
  },
  {
    name: 'a failing mutation',
    version: 12,
    sql: [
      `${SCORE} ('m', 'p', 'n', 1, 's')`,
      "ALTER TABLE scores UPDATE value = throwIf(id = 'm', 'never') WHERE 1 SETTINGS mutations_sync = 0",
      'SELECT sleep(1)',
    ],
    verdict: 'refused',
    says: 'of scores fails again and again, and the rollback would wait for it. Run `KILL MUTATION WHERE database = ',
  },
  {
    name: "the owner's extra column",
    version: 12,
    sql: ["ALTER TABLE scores ADD COLUMN own String DEFAULT 'x'", `${SCORE} ('o', 'p', 'n', 1, 's')`],
    verdict: 'left',
    works: "SELECT throwIf(count() = 0) FROM scores WHERE own = 'x'",
  },
  {
    name: 'a materialized view that writes into a table that moves',
    version: 7,
    sql: ['CREATE MATERIALIZED VIEW feeding TO event_log AS SELECT id FROM traces'],
    verdict: 'refused',
    says: 'Materialized view DB.feeding writes into event_log, which moves into the archive.',
    works: "INSERT INTO traces (id, project_id, name) VALUES ('x', 'p', 'n')",
  },
  {
    name: 'a materialized view that a table feeds that moves',
    version: 7,
    sql: ['CREATE MATERIALIZED VIEW fed TO mine AS SELECT id FROM event_log'],
    verdict: 'left',
    works: "INSERT INTO traces (id, project_id, name) VALUES ('x', 'p', 'n')",
  },
  {
    name: 'a materialized view that also reads a table that moves',
    version: 7,
    sql: [
      'CREATE MATERIALIZED VIEW both TO mine AS SELECT id FROM traces WHERE id NOT IN (SELECT entity_id FROM event_log)',
    ],
    verdict: 'refused',
    says: 'Materialized view DB.both reads event_log, which moves into the archive.',
    works: "INSERT INTO traces (id, project_id, name) VALUES ('x', 'p', 'n')",
  },
  {
    name: 'a plain view on a table that moves',
    version: 7,
    sql: ['CREATE VIEW bi AS SELECT id FROM event_log'],
    verdict: 'refused',
    says: 'View DB.bi reads event_log, which moves into the archive.',
    works: 'SELECT count() FROM bi',
  },
  {
    name: 'a buffer before a table that moves',
    version: 7,
    sql: [
      "CREATE TABLE buffered AS event_log ENGINE = Buffer('DB', 'event_log', 1, 10, 100, 10000, 1000000, 10000000, 100000000)",
    ],
    verdict: 'refused',
    says: 'Table DB.buffered reads event_log, which moves into the archive. Run `DROP TABLE `DB`.`buffered`;`',
    works: 'SELECT throwIf(count() = 0) FROM buffered',
  },
  {
    name: 'a TTL of a column of a table that moves',
    version: 7,
    sql: [
      'ALTER TABLE event_log MODIFY COLUMN bucket_path String TTL toDateTime(created_at) + INTERVAL 1 DAY',
    ],
    verdict: 'refused',
    says: 'The TTL of column event_log.bucket_path would delete values of the archive. Run `ALTER TABLE `event_log` MODIFY COLUMN `bucket_path` REMOVE TTL;`',
    works:
      "SELECT throwIf(count() > 0) FROM system.tables WHERE database = 'langfuse_rollout' AND create_table_query LIKE '%bucket_path% TTL %'",
  },
]
