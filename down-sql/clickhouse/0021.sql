-- undoes: 0021
-- class: schema
-- loses: nothing; the view holds no rows

-- phase: contract
DROP VIEW IF EXISTS analytics_scores;
-- end
