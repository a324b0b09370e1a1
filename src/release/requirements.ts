import type { ReleaseFacts } from './facts.ts'
import { compareVersions } from './release.ts'

/**
 * From the self-hosting guide ("ClickHouse >= 24.3") and the v4 upgrade guide ("25.12 is the Langfuse v4 minimum").
 * Langfuse itself does not check.
 */
const CLICKHOUSE_MINIMUM: Readonly<Record<number, string>> = { 3: '24.3', 4: '25.12' }

/** The oldest ClickHouse for a release; undefined: none is known. */
export function minimumClickHouse(release: string): string | undefined {
  return CLICKHOUSE_MINIMUM[majorOf(release)]
}

/** The oldest ClickHouse for a release if `clickhouse` is older; undefined: it is new enough. */
export function missingClickHouse(release: string, clickhouse: string): string | undefined {
  const minimum = minimumClickHouse(release)
  return minimum !== undefined && compareVersions(clickhouse, minimum) < 0 ? minimum : undefined
}

export function tooOldClickHouse(release: string, clickhouse: string): string | undefined {
  const minimum = missingClickHouse(release, clickhouse)
  if (minimum === undefined) return undefined
  return `Langfuse ${release} needs ClickHouse ${minimum} or newer, but ${clickhouse} is older. Set \`clickhouse-version\` to ${minimum} or newer.`
}

/** The images of 3.28.2 contain 2.95.1: https://github.com/langfuse/langfuse/issues/5577. */
export function mislabelled(
  release: string,
  facts: Pick<ReleaseFacts, 'release' | 'releases'>,
): string | undefined {
  const holds = facts.release(release)?.mislabelled
  if (holds === undefined) return undefined
  const major = majorOf(release)
  const same = facts.releases.filter(
    item => item.mislabelled === undefined && majorOf(item.version) === major,
  )
  const next = same.find(({ version }) => compareVersions(version, release) > 0) ?? same.at(-1)
  return `The images of Langfuse ${release} contain ${holds}: they were published under a wrong tag. ${holds} does not start on a database of ${major}.x. Deploy ${next?.version ?? 'another release'}.`
}

export function majorOf(version: string): number {
  return Number(version.replace(/^v/, '').split('.')[0])
}

/** Whether an upgrade reaches or passes `release`. */
export function crosses(from: string, to: string, release: string): boolean {
  return compareVersions(from, release) < 0 && compareVersions(to, release) >= 0
}

/** A release to deploy before the target, and why. */
type Stop = { readonly release: string; readonly because: string; readonly later: readonly string[] }

/** https://langfuse.com/self-hosting/upgrade/upgrade-guides/upgrade-v2-to-v3: "ideally later than v2.92.0". */
const OLDEST_V2 = '2.92.0'
/** The same guide: newer v3 releases remove database objects that v2 needs, which keeps running during the upgrade. */
const LAST_BESIDE_V2 = '3.29.0'

/**
 * The first release that must run, with its background migrations finished, between `from` and `to`:
 * v2 → 3.29.0 → the newest v3 → v4. The upgrade guide and v4's migrations require the newest v3, because only that
 * release is known not to need the tables that v4 drops.
 */
export function mandatoryStop(
  from: string,
  to: string,
  facts: Pick<ReleaseFacts, 'releases'>,
): Stop | undefined {
  const stops: Stop[] = []
  const newest = (major: number) =>
    facts.releases.filter(({ version }) => majorOf(version) === major).at(-1)?.version
  const [newestV2, newestV3] = [newest(2), newest(3)]
  if (newestV2 !== undefined && majorOf(to) >= 3 && compareVersions(from, OLDEST_V2) < 0) {
    stops.push({ release: newestV2, because: `v3 can run alongside v2 only from ${OLDEST_V2} on`, later: [] })
  }
  if (majorOf(from) < 3 && compareVersions(to, LAST_BESIDE_V2) > 0) {
    const because = `v3 releases after ${LAST_BESIDE_V2} remove database objects that v2 still uses`
    stops.push({ release: LAST_BESIDE_V2, because, later: [] })
  }
  if (newestV3 !== undefined && majorOf(to) >= 4 && compareVersions(from, newestV3) < 0) {
    const because = "v4 drops the tables that v3's background migrations copy from"
    stops.push({ release: newestV3, because, later: [] })
  }
  const [first, ...later] = stops
  return first && { ...first, later: later.map(({ release }) => release) }
}

/**
 * ClickHouse migration 36 of 3.207.0 to 3.212.x uses CREATE OR REPLACE VIEW, which needs renameat2 with RENAME_EXCHANGE
 * since ClickHouse 24.10. EFS has none, so the migration fails and leaves the schema dirty
 * (https://github.com/langfuse/langfuse/issues/14906, fixed in 3.213.0). It works on older servers, but would fail again
 * on the next one.
 */
const BROKEN_ON_EFS = { first: '3.207.0', fixed: '3.213.0', clickhouseMigration: 36 } as const

/** The release with the fix, if `release` cannot migrate a ClickHouse on EFS whose schema is at `head`. */
export function fixOfBrokenOnEfs(release: string, head: number | undefined): string | undefined {
  const { first, fixed, clickhouseMigration } = BROKEN_ON_EFS
  if (compareVersions(release, first) < 0 || compareVersions(release, fixed) >= 0) return undefined
  return head !== undefined && head >= clickhouseMigration ? undefined : fixed
}

/** They copy v2's data into ClickHouse; the stop at 3.29.0 waits for them. */
const FROM_V2 = [
  '20241024_1216_add_generations_cost_backfill',
  '20241024_1730_migrate_traces_from_pg_to_ch',
  '20241024_1737_migrate_observations_from_pg_to_ch',
  '20241024_1738_migrate_scores_from_pg_to_ch',
] as const

/**
 * Background migrations whose source tables 4.0.0 drops (its Postgres migrations 20260723124010 and 20260723150000, and
 * its ClickHouse migration 44).
 */
const LOST_IN_V4: readonly string[] = [
  ...FROM_V2,
  '20250417_1737_migrate_event_log_to_blob_storage',
  '20250731_1001_migrate_dataset_run_items_pg_to_ch',
  '20250814_1001_migrate_dataset_run_items_rmt_pg_to_ch',
]

/** Why a background migration must finish before `to` is deployed over `from`, as a sentence. */
export function whyFinishFirst(
  name: string,
  { from, to }: { readonly from: string | undefined; readonly to: string },
): string | undefined {
  if (LOST_IN_V4.includes(name) && compareVersions(to, '4.0.0') >= 0 && !ranV4(from)) {
    return 'Langfuse 4.0.0 drops its source tables, so data that is not copied yet is lost.'
  }
  const leavesTheStop = from !== undefined && compareVersions(from, LAST_BESIDE_V2) <= 0
  if (leavesTheStop && compareVersions(to, LAST_BESIDE_V2) > 0 && FROM_V2.some(known => known === name)) {
    return `Langfuse requires it to finish on ${LAST_BESIDE_V2} before any newer release.`
  }
  return undefined
}

function ranV4(from: string | undefined): boolean {
  return from !== undefined && compareVersions(from, '4.0.0') >= 0
}

/** Runs once, with the worker's ENCRYPTION_KEY. */
export const ENCRYPTS_BLOB_SECRETS = '20260106_encrypt_blob_storage_secrets'

export function bringsBlobEncryption(from: string | undefined, to: string): boolean {
  return from !== undefined && crosses(from, to, '3.144.0')
}
