-- undoes: 0045
-- class: schema
-- loses: nothing; releases from 3.115.0 on do not read the table; migration 0027 fills it again for older ones
--
-- Kept all the same: of traces that are deleted by then, the table alone still has the environments.

-- phase: keep
SELECT langfuse_rollout.keep_table('project_environments');

-- phase: expand
CREATE TABLE IF NOT EXISTS project_environments (
  project_id String,
  environments SimpleAggregateFunction(groupUniqArrayArray, Array(String))
) ENGINE = AggregatingMergeTree
ORDER BY (project_id);

SELECT langfuse_rollout.give_back_table('project_environments');
-- end
