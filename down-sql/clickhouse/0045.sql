-- undoes: 0045
-- class: schema
-- loses: nothing; releases from 3.115.0 on do not read the table; migration 0027 fills it again for older ones

-- phase: expand
CREATE TABLE IF NOT EXISTS project_environments (
  project_id String,
  environments SimpleAggregateFunction(groupUniqArrayArray, Array(String))
) ENGINE = AggregatingMergeTree
ORDER BY (project_id);
-- end
