/**
 * Settings that a user's profile may have, and that would hide rows from our statements, cut their answers short, end
 * them early or let them return before their work is done. Every request of ours overrides them all
 * (https://clickhouse.com/docs/operations/settings/settings). No request can override `readonly` and row policies.
 */
export const CLICKHOUSE_SETTINGS: Readonly<Record<string, string>> = {
  additional_table_filters: '{}',
  additional_result_filter: '',
  limit: '0',
  offset: '0',
  final: '0',
  apply_deleted_mask: '1',
  use_query_cache: '0',
  max_result_rows: '0',
  max_result_bytes: '0',
  max_rows_to_read: '0',
  max_bytes_to_read: '0',
  max_execution_time: '0',
  // Where another limit of the profile is exceeded, an error is better than a part of the rows.
  group_by_overflow_mode: 'throw',
  sort_overflow_mode: 'throw',
  distinct_overflow_mode: 'throw',
  set_overflow_mode: 'throw',
  join_overflow_mode: 'throw',
  async_insert: '0',
  alter_sync: '1',
  mutations_sync: '1',
  // The copy that a killed run left may be large.
  max_table_size_to_drop: '0',
  session_timezone: '',
}
