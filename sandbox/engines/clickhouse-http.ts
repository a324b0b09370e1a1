// What ClickHouse answers beside the data, from its HTTP handler
// (https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/HTTPHandler.cpp and HTTP/exceptionCodeToHTTPStatus.cpp).

/** HTTP status of a ClickHouse error code. */
export function statusOf(code: number): number {
  return statuses.get(code) ?? 500
}

const byStatus: Readonly<Record<number, readonly number[]>> = {
  400: [6, 26, 27, 33, 36, 38, 41, 43, 53, 62, 69, 70, 72, 117, 131, 190, 200, 321, 427],
  401: [194],
  403: [192, 193, 497, 516],
  404: [46, 47, 50, 56, 60, 63, 73, 81, 115, 336],
  501: [48],
  503: [76, 209],
}

const statuses = new Map(
  Object.entries(byStatus).flatMap(([status, codes]) => codes.map(code => [code, Number(status)] as const)),
)

/** Content type of an output format. */
export function contentTypeOf(format: string): string {
  if (/^JSON.*EachRow/i.test(format)) return 'application/x-ndjson; charset=UTF-8'
  if (/^JSON/i.test(format)) return 'application/json; charset=UTF-8'
  if (/^(TSV|TabSeparated)/i.test(format)) return 'text/tab-separated-values; charset=UTF-8'
  if (/^CSV/i.test(format)) return 'text/csv; charset=UTF-8; header=absent'
  if (/^(Native|RowBinary|Parquet|Arrow|ORC)/i.test(format)) return 'application/octet-stream'
  return 'text/plain; charset=UTF-8'
}

/** Parameters of the HTTP interface; every other one is a setting of the query. */
export const reservedParameters: ReadonlySet<string> = new Set([
  'query',
  'database',
  'default_format',
  'user',
  'password',
  'quota_key',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'role',
  'stacktrace',
  'compress',
  'decompress',
  'buffer_size',
  'wait_end_of_query',
  'client_protocol_version',
  'http_native_compression_disable_checksumming_on_decompress',
])
