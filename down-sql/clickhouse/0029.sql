-- undoes: 0029
-- class: lossy
-- loses: the rows of traces_all_amt, traces_7d_amt and traces_30d_amt, which the upgrade dropped; the tables come back empty. An experiment, off by default, copied traces there

-- phase: keep
SELECT langfuse_rollout.keep_table('traces_all_amt');
SELECT langfuse_rollout.keep_table('traces_7d_amt');
SELECT langfuse_rollout.keep_table('traces_30d_amt');

-- phase: expand
CREATE TABLE IF NOT EXISTS traces_null (
  project_id String,
  id String,
  start_time DateTime64(3),
  end_time Nullable(DateTime64(3)),
  name Nullable(String),
  metadata Map(LowCardinality(String), String),
  user_id Nullable(String),
  session_id Nullable(String),
  environment String,
  tags Array(String),
  version Nullable(String),
  release Nullable(String),
  bookmarked Nullable(Bool),
  public Nullable(Bool),
  observation_ids Array(String),
  score_ids Array(String),
  cost_details Map(String, Decimal(18, 12)),
  usage_details Map(String, UInt64),
  input String,
  output String,
  created_at DateTime64(3),
  updated_at DateTime64(3),
  event_ts DateTime64(3)
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS traces_all_amt (
  project_id String,
  id String,
  timestamp SimpleAggregateFunction(min, DateTime64(3)),
  start_time SimpleAggregateFunction(min, DateTime64(3)),
  end_time SimpleAggregateFunction(max, Nullable(DateTime64(3))),
  name SimpleAggregateFunction(anyLast, Nullable(String)),
  metadata SimpleAggregateFunction(maxMap, Map(String, String)),
  user_id SimpleAggregateFunction(anyLast, Nullable(String)),
  session_id SimpleAggregateFunction(anyLast, Nullable(String)),
  environment SimpleAggregateFunction(anyLast, String),
  tags SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  version SimpleAggregateFunction(anyLast, Nullable(String)),
  release SimpleAggregateFunction(anyLast, Nullable(String)),
  bookmarked AggregateFunction(argMax, Nullable(Bool), DateTime64(3)),
  public AggregateFunction(argMax, Nullable(Bool), DateTime64(3)),
  observation_ids SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  score_ids SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  cost_details SimpleAggregateFunction(sumMap, Map(String, Decimal(38, 12))),
  usage_details SimpleAggregateFunction(sumMap, Map(String, UInt64)),
  input AggregateFunction(argMax, String, DateTime64(3)) CODEC(ZSTD(3)),
  output AggregateFunction(argMax, String, DateTime64(3)) CODEC(ZSTD(3)),
  created_at SimpleAggregateFunction(min, DateTime64(3)),
  updated_at SimpleAggregateFunction(max, DateTime64(3)),
  INDEX idx_name name TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_release release TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_session_id session_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_tags tags TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_trace_id id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_user_id user_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_version version TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = AggregatingMergeTree
ORDER BY (project_id, id);

CREATE TABLE IF NOT EXISTS traces_7d_amt (
  project_id String,
  id String,
  timestamp SimpleAggregateFunction(min, DateTime64(3)),
  start_time SimpleAggregateFunction(min, DateTime64(3)),
  end_time SimpleAggregateFunction(max, Nullable(DateTime64(3))),
  name SimpleAggregateFunction(anyLast, Nullable(String)),
  metadata SimpleAggregateFunction(maxMap, Map(String, String)),
  user_id SimpleAggregateFunction(anyLast, Nullable(String)),
  session_id SimpleAggregateFunction(anyLast, Nullable(String)),
  environment SimpleAggregateFunction(anyLast, String),
  tags SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  version SimpleAggregateFunction(anyLast, Nullable(String)),
  release SimpleAggregateFunction(anyLast, Nullable(String)),
  bookmarked AggregateFunction(argMax, Nullable(Bool), DateTime64(3)),
  public AggregateFunction(argMax, Nullable(Bool), DateTime64(3)),
  observation_ids SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  score_ids SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  cost_details SimpleAggregateFunction(sumMap, Map(String, Decimal(38, 12))),
  usage_details SimpleAggregateFunction(sumMap, Map(String, UInt64)),
  input AggregateFunction(argMax, String, DateTime64(3)) CODEC(ZSTD(3)),
  output AggregateFunction(argMax, String, DateTime64(3)) CODEC(ZSTD(3)),
  created_at SimpleAggregateFunction(min, DateTime64(3)),
  updated_at SimpleAggregateFunction(max, DateTime64(3)),
  INDEX idx_name name TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_release release TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_session_id session_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_tags tags TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_user_id user_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_version version TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = AggregatingMergeTree
ORDER BY (project_id, id)
TTL toDate(start_time) + toIntervalDay(7);

CREATE TABLE IF NOT EXISTS traces_30d_amt (
  project_id String,
  id String,
  timestamp SimpleAggregateFunction(min, DateTime64(3)),
  start_time SimpleAggregateFunction(min, DateTime64(3)),
  end_time SimpleAggregateFunction(max, Nullable(DateTime64(3))),
  name SimpleAggregateFunction(anyLast, Nullable(String)),
  metadata SimpleAggregateFunction(maxMap, Map(String, String)),
  user_id SimpleAggregateFunction(anyLast, Nullable(String)),
  session_id SimpleAggregateFunction(anyLast, Nullable(String)),
  environment SimpleAggregateFunction(anyLast, String),
  tags SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  version SimpleAggregateFunction(anyLast, Nullable(String)),
  release SimpleAggregateFunction(anyLast, Nullable(String)),
  bookmarked AggregateFunction(argMax, Nullable(Bool), DateTime64(3)),
  public AggregateFunction(argMax, Nullable(Bool), DateTime64(3)),
  observation_ids SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  score_ids SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  cost_details SimpleAggregateFunction(sumMap, Map(String, Decimal(38, 12))),
  usage_details SimpleAggregateFunction(sumMap, Map(String, UInt64)),
  input AggregateFunction(argMax, String, DateTime64(3)) CODEC(ZSTD(3)),
  output AggregateFunction(argMax, String, DateTime64(3)) CODEC(ZSTD(3)),
  created_at SimpleAggregateFunction(min, DateTime64(3)),
  updated_at SimpleAggregateFunction(max, DateTime64(3)),
  INDEX idx_name name TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_release release TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_session_id session_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_tags tags TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_user_id user_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_version version TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = AggregatingMergeTree
ORDER BY (project_id, id)
TTL toDate(start_time) + toIntervalDay(30);

SELECT langfuse_rollout.give_back_table('traces_all_amt');
SELECT langfuse_rollout.give_back_table('traces_7d_amt');
SELECT langfuse_rollout.give_back_table('traces_30d_amt');
-- end
