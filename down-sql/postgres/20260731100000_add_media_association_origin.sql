-- undoes: 20260731100000_add_media_association_origin
-- class: schema
-- loses: nothing; the origins of links to media go to the archive
-- count: links of traces to media with a known origin: SELECT count(*) FROM public.trace_media AS this WHERE this.origin::text <> 'UNKNOWN'
-- count: links of observations to media with a known origin: SELECT count(*) FROM public.observation_media AS this WHERE this.origin::text <> 'UNKNOWN'
--
-- Both tables can be big: their values are copied before contract, so that dropping the columns takes a moment.

-- phase: prepare
SELECT langfuse_rollout.archive_column('trace_media', 'origin');
SELECT langfuse_rollout.archive_column('observation_media', 'origin');

-- phase: contract
SELECT langfuse_rollout.drop_column('trace_media', 'origin');
SELECT langfuse_rollout.drop_column('observation_media', 'origin');
SELECT langfuse_rollout.drop_enum('MediaAssociationOrigin');
-- end
