-- undoes: 20250806100613_add_annotation_queue_assignment_table
-- class: schema
-- loses: nothing; the assignments of users to annotation queues go to the archive
-- count: assignments to annotation queues that go to the archive: SELECT count(*) FROM public.annotation_queue_assignments

-- phase: contract
SELECT langfuse_rollout.drop_table('annotation_queue_assignments');
-- end
