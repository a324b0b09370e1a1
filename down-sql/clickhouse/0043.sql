-- undoes: 0043
-- class: schema
-- loses: nothing; the indexes only make searches in metadata faster
--
-- Before 26.2, ClickHouse alters a table that has full-text indexes only with this setting.

-- phase: contract
ALTER TABLE events_full DROP INDEX IF EXISTS idx_ngram_metadata_values SETTINGS enable_full_text_index = 1;
ALTER TABLE events_core DROP INDEX IF EXISTS idx_ngram_metadata_values SETTINGS enable_full_text_index = 1;
-- end
