-- undoes: 0033
-- class: schema
-- loses: nothing; the tools and tool calls of observations go to the archive
-- count: values of observations.tool_definitions that go to the archive: SELECT count() FROM observations WHERE notEmpty(tool_definitions)
-- count: values of observations.tool_calls that go to the archive: SELECT count() FROM observations WHERE notEmpty(tool_calls)
-- count: values of observations.tool_call_names that go to the archive: SELECT count() FROM observations WHERE notEmpty(tool_call_names)

-- phase: contract
SELECT langfuse_rollout.archive_column('observations', 'tool_definitions', 'notEmpty(tool_definitions)');
SELECT langfuse_rollout.archive_column('observations', 'tool_calls', 'notEmpty(tool_calls)');
SELECT langfuse_rollout.archive_column('observations', 'tool_call_names', 'notEmpty(tool_call_names)');
SELECT langfuse_rollout.drop_columns('observations', 'tool_definitions', 'tool_calls', 'tool_call_names');
-- end
