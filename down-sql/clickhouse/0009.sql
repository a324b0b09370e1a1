-- undoes: 0009
-- class: schema
-- loses: nothing; the table moves to the archive
-- count: rows of project_environments that go to the archive: SELECT ifNull(sum(total_rows), 0) FROM system.tables WHERE database = currentDatabase() AND name = 'project_environments'
--
-- First the views: an insert into traces would fail where a view of it has no table to write to.

-- phase: contract
DROP VIEW IF EXISTS project_environments_traces_mv;
DROP VIEW IF EXISTS project_environments_observations_mv;
DROP VIEW IF EXISTS project_environments_scores_mv;
SELECT langfuse_rollout.drop_table('project_environments');
-- end
