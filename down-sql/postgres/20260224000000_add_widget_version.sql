-- undoes: 20260224000000_add_widget_version
-- class: schema
-- loses: nothing; the version that a widget needs goes to the archive
-- count: widgets that were made for the newer queries: SELECT count(*) FROM public.dashboard_widgets AS this WHERE this.min_version <> 1
--
-- Such a widget stays; where it uses a measure that the older release does not have, that release shows an error in
-- its place.

-- phase: contract
SELECT langfuse_rollout.drop_column('dashboard_widgets', 'min_version');
-- end
