-- undoes: 20250820143862_optimize_job_execution_indices_create_job_executions_project_id_job_configuration_id_job_input_tr_idx
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('job_executions_project_id_job_configuration_id_job_input_tr_idx');
-- end
