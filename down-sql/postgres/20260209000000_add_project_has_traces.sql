-- undoes: 20260209000000_add_project_has_traces
-- class: schema
-- loses: nothing; the mark goes to the archive; the next upgrade computes it again
-- count: projects marked as having traces: SELECT count(*) FROM public.projects AS this WHERE this.has_traces

-- phase: contract
SELECT langfuse_rollout.drop_column('projects', 'has_traces');
-- end
