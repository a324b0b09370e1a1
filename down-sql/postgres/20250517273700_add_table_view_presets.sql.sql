-- undoes: 20250517273700_add_table_view_presets.sql
-- class: schema
-- loses: nothing; saved table views go to the archive
-- count: saved table views that go to the archive: SELECT count(*) FROM public.table_view_presets

-- phase: contract
SELECT langfuse_rollout.drop_table('table_view_presets');
-- end
