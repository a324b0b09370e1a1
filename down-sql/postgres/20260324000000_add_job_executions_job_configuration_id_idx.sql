-- undoes: 20260324000000_add_job_executions_job_configuration_id_idx
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('job_executions_job_configuration_id_idx');
-- end
