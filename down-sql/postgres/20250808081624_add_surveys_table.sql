-- undoes: 20250808081624_add_surveys_table
-- class: schema
-- loses: nothing; answers to surveys go to the archive
-- count: answers to surveys that go to the archive: SELECT count(*) FROM public.surveys

-- phase: contract
SELECT langfuse_rollout.drop_table('surveys');
SELECT langfuse_rollout.drop_enum('SurveyName');
SELECT langfuse_rollout.rename_index('annotation_queue_assignments_project_id_queue_id_user_id_key',
  'annotation_queue_assignments_project_id_queue_id_key');
-- end
