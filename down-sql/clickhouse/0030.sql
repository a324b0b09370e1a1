-- undoes: 0030
-- class: schema
-- loses: nothing; the traces of the evaluations that made scores go to the archive
-- count: values of scores.execution_trace_id that go to the archive: SELECT count() FROM scores WHERE execution_trace_id IS NOT NULL

-- phase: contract
SELECT langfuse_rollout.archive_column('scores', 'execution_trace_id', 'execution_trace_id IS NOT NULL');
SELECT langfuse_rollout.drop_columns('scores', 'execution_trace_id');
-- end
