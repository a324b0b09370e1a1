-- undoes: 0028
-- class: schema
-- loses: nothing
--
-- The views are fed by inserts into traces_null, which only releases from 3.93.0 to 3.114.x make, and only with the switch
-- of an experiment.

-- phase: expand
CREATE MATERIALIZED VIEW IF NOT EXISTS traces_all_amt_mv TO traces_all_amt AS
SELECT
  tn.project_id AS project_id, tn.id AS id, min(tn.start_time) AS timestamp,
  min(tn.start_time) AS start_time,
  max(coalesce(tn.end_time, tn.start_time)) AS end_time,
  anyLast(tn.name) AS name, maxMap(tn.metadata) AS metadata, anyLast(tn.user_id) AS user_id,
  anyLast(tn.session_id) AS session_id, anyLast(tn.environment) AS environment,
  groupUniqArrayArray(tn.tags) AS tags, anyLast(tn.version) AS version,
  anyLast(tn.release) AS release,
  argMaxState(tn.bookmarked, if(tn.bookmarked IS NOT NULL, tn.event_ts, toDateTime64(0, 3))) AS bookmarked,
  argMaxState(tn.public, if(tn.public IS NOT NULL, tn.event_ts, toDateTime64(0, 3))) AS public,
  groupUniqArrayArray(tn.observation_ids) AS observation_ids,
  groupUniqArrayArray(tn.score_ids) AS score_ids,
  sumMap(tn.cost_details) AS cost_details,
  sumMap(tn.usage_details) AS usage_details,
  argMaxState(tn.input, if(tn.input != '', tn.event_ts, toDateTime64(0, 3))) AS input,
  argMaxState(tn.output, if(tn.output != '', tn.event_ts, toDateTime64(0, 3))) AS output,
  min(tn.created_at) AS created_at, max(tn.updated_at) AS updated_at
FROM traces_null AS tn
GROUP BY project_id, id;

CREATE MATERIALIZED VIEW IF NOT EXISTS traces_7d_amt_mv TO traces_7d_amt AS
SELECT
  tn.project_id AS project_id, tn.id AS id, min(tn.start_time) AS timestamp,
  min(tn.start_time) AS start_time,
  max(coalesce(tn.end_time, tn.start_time)) AS end_time,
  anyLast(tn.name) AS name, maxMap(tn.metadata) AS metadata, anyLast(tn.user_id) AS user_id,
  anyLast(tn.session_id) AS session_id, anyLast(tn.environment) AS environment,
  groupUniqArrayArray(tn.tags) AS tags, anyLast(tn.version) AS version,
  anyLast(tn.release) AS release,
  argMaxState(tn.bookmarked, if(tn.bookmarked IS NOT NULL, tn.event_ts, toDateTime64(0, 3))) AS bookmarked,
  argMaxState(tn.public, if(tn.public IS NOT NULL, tn.event_ts, toDateTime64(0, 3))) AS public,
  groupUniqArrayArray(tn.observation_ids) AS observation_ids,
  groupUniqArrayArray(tn.score_ids) AS score_ids,
  sumMap(tn.cost_details) AS cost_details,
  sumMap(tn.usage_details) AS usage_details,
  argMaxState(tn.input, if(tn.input != '', tn.event_ts, toDateTime64(0, 3))) AS input,
  argMaxState(tn.output, if(tn.output != '', tn.event_ts, toDateTime64(0, 3))) AS output,
  min(tn.created_at) AS created_at, max(tn.updated_at) AS updated_at
FROM traces_null AS tn
GROUP BY project_id, id;

CREATE MATERIALIZED VIEW IF NOT EXISTS traces_30d_amt_mv TO traces_30d_amt AS
SELECT
  tn.project_id AS project_id, tn.id AS id, min(tn.start_time) AS timestamp,
  min(tn.start_time) AS start_time,
  max(coalesce(tn.end_time, tn.start_time)) AS end_time,
  anyLast(tn.name) AS name, maxMap(tn.metadata) AS metadata, anyLast(tn.user_id) AS user_id,
  anyLast(tn.session_id) AS session_id, anyLast(tn.environment) AS environment,
  groupUniqArrayArray(tn.tags) AS tags, anyLast(tn.version) AS version,
  anyLast(tn.release) AS release,
  argMaxState(tn.bookmarked, if(tn.bookmarked IS NOT NULL, tn.event_ts, toDateTime64(0, 3))) AS bookmarked,
  argMaxState(tn.public, if(tn.public IS NOT NULL, tn.event_ts, toDateTime64(0, 3))) AS public,
  groupUniqArrayArray(tn.observation_ids) AS observation_ids,
  groupUniqArrayArray(tn.score_ids) AS score_ids,
  sumMap(tn.cost_details) AS cost_details,
  sumMap(tn.usage_details) AS usage_details,
  argMaxState(tn.input, if(tn.input != '', tn.event_ts, toDateTime64(0, 3))) AS input,
  argMaxState(tn.output, if(tn.output != '', tn.event_ts, toDateTime64(0, 3))) AS output,
  min(tn.created_at) AS created_at, max(tn.updated_at) AS updated_at
FROM traces_null AS tn
GROUP BY project_id, id;
-- end
