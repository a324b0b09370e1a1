import { compareVersions } from './release.ts'
import { crosses, LAST_BESIDE_V2 } from './requirements.ts'

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

const BACKFILL = 'LANGFUSE_BACKGROUND_MIGRATION_V4_ENABLE_HISTORIC_BACKFILL'

/**
 * Whether a worker runs the rows behind a gate: its environment says "true", or, for the historic backfill, says
 * nothing and is v4, where that is the default (worker/src/env.ts). A row behind a closed gate is dormant for ever.
 */
export function gateIsOpen(gate: string, value: string | undefined, running: string | undefined): boolean {
  if (value !== undefined) return value === 'true'
  return gate === BACKFILL && ranV4(running)
}

/** Encrypts the blob storage's secrets once, with the worker's ENCRYPTION_KEY; since 3.144.0. */
export const ENCRYPTS_BLOB_SECRETS = '20260106_encrypt_blob_storage_secrets'

export function bringsBlobEncryption(from: string | undefined, to: string): boolean {
  return from !== undefined && crosses(from, to, '3.144.0')
}
