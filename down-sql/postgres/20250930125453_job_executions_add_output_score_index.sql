-- undoes: 20250930125453_job_executions_add_output_score_index
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_index('job_executions_project_id_job_output_score_id_idx');
-- end
