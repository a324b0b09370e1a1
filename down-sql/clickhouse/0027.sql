-- undoes: 0027
-- class: schema
-- loses: nothing; the list of environments is rebuilt from the rows
--
-- The table was kept and no longer fed, so environments that came since are missing in it. Its rows of one project are
-- united when they are read and merged, so adding what is there already, and adding twice, changes nothing.
-- While the newer release still runs, its inserts feed the table through the views.

-- phase: expand
CREATE MATERIALIZED VIEW IF NOT EXISTS project_environments_traces_mv TO project_environments AS
SELECT project_id, groupUniqArray(environment) AS environments
FROM traces
GROUP BY project_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS project_environments_observations_mv TO project_environments AS
SELECT project_id, groupUniqArray(environment) AS environments
FROM observations
GROUP BY project_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS project_environments_scores_mv TO project_environments AS
SELECT project_id, groupUniqArray(environment) AS environments
FROM scores
GROUP BY project_id;

INSERT INTO project_environments (project_id, environments)
SELECT project_id, groupUniqArray(environment) FROM traces GROUP BY project_id;

INSERT INTO project_environments (project_id, environments)
SELECT project_id, groupUniqArray(environment) FROM observations GROUP BY project_id;

INSERT INTO project_environments (project_id, environments)
SELECT project_id, groupUniqArray(environment) FROM scores GROUP BY project_id;
-- end
