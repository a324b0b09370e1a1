-- undoes: 20250724160133_add_session_object_type_annoation_queue_items
-- class: schema
-- loses: nothing; sessions in annotation queues become completed traces, because the older release cannot show them
-- count: sessions in annotation queues: SELECT count(*) FROM public.annotation_queue_items AS this WHERE this.object_type::text = 'SESSION'
-- count: of these, sessions that nobody has annotated yet: SELECT count(*) FROM public.annotation_queue_items AS this WHERE this.object_type::text = 'SESSION' AND this.status::text = 'PENDING'
--
-- The older release hands out the oldest pending item of a queue. A session would be looked up as a trace, which there
-- is not, and the page would wait for it for ever, with the rest of the queue behind it. So pending ones are completed.

-- phase: contract
SELECT langfuse_rollout.rewrite_rows('annotation_queue_items',
  'object_type = ''TRACE'', status = ''COMPLETED'', completed_at = coalesce(this.completed_at, timezone(''UTC'', now()))',
  'this.object_type::text = ''SESSION''',
  'the older release cannot annotate sessions');
SELECT langfuse_rollout.rebuild_enum('AnnotationQueueObjectType', ARRAY['TRACE', 'OBSERVATION'],
  '{"SESSION": "TRACE"}');
-- end
