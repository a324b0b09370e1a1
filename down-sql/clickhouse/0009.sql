-- undoes: 0009
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: projects whose row of project_environments goes to the archive: SELECT uniqExact(project_id) FROM project_environments
--
-- First the views: an insert into traces would fail where a view of it has no table to write to.

-- phase: contract
DROP VIEW IF EXISTS project_environments_traces_mv;
DROP VIEW IF EXISTS project_environments_observations_mv;
DROP VIEW IF EXISTS project_environments_scores_mv;
SELECT langfuse_rollout.drop_table('project_environments');
-- end
