import { compareVersions } from './release.ts'

/**
 * The oldest ClickHouse that a Langfuse major works on, from its self-hosting guide ("ClickHouse >= 24.3") and
 * its v4 upgrade guide ("25.12 is the Langfuse v4 minimum"). Langfuse itself checks nothing.
 */
const CLICKHOUSE_MINIMUM: Readonly<Record<string, string>> = { '3': '24.3', '4': '25.12' }

/** Undefined when `clickhouse` is new enough for `release`, else the oldest version that is. */
export function missingClickHouse(release: string, clickhouse: string): string | undefined {
  const minimum = CLICKHOUSE_MINIMUM[release.split('.')[0] ?? '']
  return minimum !== undefined && compareVersions(clickhouse, minimum) < 0 ? minimum : undefined
}
