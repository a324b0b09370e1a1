-- undoes: 0041
-- class: schema
-- loses: nothing; the view holds no rows, it copies from events_full to events_core

-- phase: contract
DROP VIEW IF EXISTS events_core_mv;
-- end
