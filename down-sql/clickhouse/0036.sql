-- undoes: 0036
-- class: schema
-- loses: nothing; the view holds no rows
--
-- In contract: the newer release reads the column of the view that goes here, the older one does not mind it. The view must
-- not read scores.ingestion_sdk_name any more when migration 0035 is undone. It is made beside the other and then gets its
-- name, so that whoever reads the view finds one. Made anew in every run: what a run that was killed left under this
-- name may be the newer one.

-- phase: contract
DROP VIEW IF EXISTS analytics_scores__older;
CREATE VIEW analytics_scores__older AS
SELECT
  project_id, toStartOfHour(timestamp) AS hour, uniq(id) AS countScores,
  max(source = 'ANNOTATION') AS hasAnnotation,
  max(source = 'API') AS hasApi, max(source = 'EVAL') AS hasEval,
  max(observation_id IS NOT NULL) AS hasObservationScore,
  max(session_id IS NOT NULL) AS hasSessionScore,
  max(dataset_run_id IS NOT NULL) AS hasDatasetRunScore,
  max(data_type = 'BOOLEAN') AS hasBoolScore,
  max(data_type = 'NUMERIC') AS hasNumericScore,
  max(data_type = 'CATEGORICAL') AS hasCategoricalScore,
  max(comment IS NOT NULL) AS hasComment
FROM scores
WHERE toStartOfHour(timestamp) <= toStartOfHour(subtractHours(now(), 1))
GROUP BY project_id, hour;
SELECT langfuse_rollout.replace_view('analytics_scores', 'analytics_scores__older');
-- end
