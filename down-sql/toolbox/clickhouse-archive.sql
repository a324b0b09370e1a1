-- The archive in ClickHouse: everything that down SQL takes away or rewrites is put into this database first. Each
-- statement may run again.
--
-- Atomic, because only between Atomic databases a table is moved by renaming one small file, which is safe on EFS: where
-- the file system knows no flags of renameat2, ClickHouse looks for a file of the new name and then renames
-- (https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/atomicRename.cpp); EXCHANGE and CREATE OR REPLACE
-- cannot do that.
CREATE DATABASE IF NOT EXISTS langfuse_rollout ENGINE = Atomic;

-- The manifest. A table that was moved here whole has no column. Of a column it names the table that holds the values
-- which differ from the default, each with the key columns of its row; stored_as is empty where nothing had to be kept.
CREATE TABLE IF NOT EXISTS langfuse_rollout.archived (
  rollback_id String,
  migration String,
  relation String,
  `column` String,
  stored_as String,
  rows UInt64,
  archived_at DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY (rollback_id, migration, relation, `column`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Which phase of which migration is over: ClickHouse has no transactions, so the next run continues a killed one from
-- here. sequence grows with every entry, whatever the server's clock does.
CREATE TABLE IF NOT EXISTS langfuse_rollout.journal (
  sequence UInt64,
  migration String,
  phase String,
  rollback_id String,
  at DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY sequence
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
