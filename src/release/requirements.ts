import type { ReleaseFacts } from './facts.ts'
import { compareVersions } from './release.ts'

/**
 * The oldest ClickHouse that a Langfuse major works on, from its self-hosting guide ("ClickHouse >= 24.3") and
 * its v4 upgrade guide ("25.12 is the Langfuse v4 minimum"). Langfuse itself checks nothing.
 */
const CLICKHOUSE_MINIMUM: Readonly<Record<number, string>> = { 3: '24.3', 4: '25.12' }

/** The oldest ClickHouse that `release` works on; undefined where none is known. */
export function minimumClickHouse(release: string): string | undefined {
  return CLICKHOUSE_MINIMUM[majorOf(release)]
}

/** Undefined when `clickhouse` is new enough for `release`, else the oldest version that is. */
export function missingClickHouse(release: string, clickhouse: string): string | undefined {
  const minimum = minimumClickHouse(release)
  return minimum !== undefined && compareVersions(clickhouse, minimum) < 0 ? minimum : undefined
}

/** Why ClickHouse is too old for a release; undefined: it is not. */
export function tooOldClickHouse(release: string, clickhouse: string): string | undefined {
  const minimum = missingClickHouse(release, clickhouse)
  if (minimum === undefined) return undefined
  return `Langfuse ${release} needs ClickHouse ${minimum} or newer, and ${clickhouse} is older: set \`clickhouse-version\` to ${minimum} or newer.`
}

/** Why a release must not run under its name; 3.28.2 holds 2.95.1: https://github.com/langfuse/langfuse/issues/5577. */
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
  return `The images of Langfuse ${release} hold ${holds} under a wrong name, and ${holds} does not start on a database of ${major}.x: deploy ${next?.version ?? 'another release'}.`
}

export function majorOf(version: string): number {
  return Number(version.replace(/^v/, '').split('.')[0])
}

/** Whether a way from one release to another passes a release: `from` is older, and `to` is not. */
export function crosses(from: string, to: string, release: string): boolean {
  return compareVersions(from, release) < 0 && compareVersions(to, release) >= 0
}

/** A release to deploy before the target, and why it cannot be left out. */
type Stop = { readonly release: string; readonly because: string; readonly later: readonly string[] }

/** https://langfuse.com/self-hosting/upgrade/upgrade-guides/upgrade-v2-to-v3: "ideally later than v2.92.0". */
const OLDEST_V2 = '2.92.0'
/** The same guide: newer v3 releases remove database objects that v2, which runs beside them for a while, depends on. */
export const LAST_BESIDE_V2 = '3.29.0'

/**
 * The first release that has to run, with its background migrations finished, before `to` may follow `from`:
 * v2 → 3.29.0 → the newest v3 → v4. Undefined when there is none. v3 → v4 wants the newest v3, as the upgrade guide
 * and the comments of v4's own migrations do: only that release is known not to need the tables that v4 drops.
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
    stops.push({ release: newestV2, because: `v3 works beside ${OLDEST_V2} or newer only`, later: [] })
  }
  if (majorOf(from) < 3 && compareVersions(to, LAST_BESIDE_V2) > 0) {
    const because = `v3 releases after ${LAST_BESIDE_V2} remove what v2 still uses`
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
 * Langfuse 3.207.0 to 3.212.x: ClickHouse migration 36 says CREATE OR REPLACE VIEW, which needs renameat2 with
 * RENAME_EXCHANGE since ClickHouse 24.10, and EFS has none: it fails and leaves the schema dirty
 * (https://github.com/langfuse/langfuse/issues/14906, fixed in 3.213.0). Older servers get through, but the same
 * file would fail on the next one, so those releases are never a good target on EFS.
 */
const BROKEN_ON_EFS = { first: '3.207.0', fixed: '3.213.0', clickhouseMigration: 36 } as const

/** The release that repairs it, when `release` cannot migrate a ClickHouse on EFS whose schema is at `head`. */
export function fixOfBrokenOnEfs(release: string, head: number | undefined): string | undefined {
  const { first, fixed, clickhouseMigration } = BROKEN_ON_EFS
  if (compareVersions(release, first) < 0 || compareVersions(release, fixed) >= 0) return undefined
  return head !== undefined && head >= clickhouseMigration ? undefined : fixed
}

/** Copies of v2's data into ClickHouse: what the stop at 3.29.0 waits for. */
const FROM_V2 = [
  '20241024_1216_add_generations_cost_backfill',
  '20241024_1730_migrate_traces_from_pg_to_ch',
  '20241024_1737_migrate_observations_from_pg_to_ch',
  '20241024_1738_migrate_scores_from_pg_to_ch',
] as const

/**
 * Background migrations whose source 4.0.0 drops (its Postgres migrations 20260723124010 and 20260723150000 drop the
 * tables and delete these rows, its ClickHouse migration 44 drops event_log): what they have not copied is lost.
 */
const LOST_IN_V4: readonly string[] = [
  ...FROM_V2,
  '20250417_1737_migrate_event_log_to_blob_storage',
  '20250731_1001_migrate_dataset_run_items_pg_to_ch',
  '20250814_1001_migrate_dataset_run_items_rmt_pg_to_ch',
]

/** Why a background migration has to be finished before `to` is deployed over `from`; undefined: it need not be. */
export function whyFinishFirst(
  name: string,
  { from, to }: { readonly from: string | undefined; readonly to: string },
): string | undefined {
  if (LOST_IN_V4.includes(name) && compareVersions(to, '4.0.0') >= 0 && !ranV4(from)) {
    return 'Langfuse 4.0.0 drops what it copies from, and what is not copied is lost'
  }
  const leavesTheStop = from !== undefined && compareVersions(from, LAST_BESIDE_V2) <= 0
  if (leavesTheStop && compareVersions(to, LAST_BESIDE_V2) > 0 && FROM_V2.some(known => known === name)) {
    return `Langfuse asks to have it finished on ${LAST_BESIDE_V2} before anything newer`
  }
  return undefined
}

function ranV4(from: string | undefined): boolean {
  return from !== undefined && compareVersions(from, '4.0.0') >= 0
}

/** Encrypts the blob storage's secrets once, with the worker's ENCRYPTION_KEY; since 3.144.0. */
export const ENCRYPTS_BLOB_SECRETS = '20260106_encrypt_blob_storage_secrets'

export function bringsBlobEncryption(from: string | undefined, to: string): boolean {
  return from !== undefined && crosses(from, to, '3.144.0')
}
