import { compareVersions } from './release.ts'
import { majorOf } from './requirements.ts'

/** `v3`, `v4`: the default of that major (worker/src/env.ts of 3.225.4 and 4.16.0). */
export type V4Flag = {
  readonly name: string
  readonly values: readonly string[]
  readonly v3: string
  readonly v4: string
}

const SWITCH = ['true', 'false'] as const
export const WRITE_MODE: V4Flag = {
  name: 'LANGFUSE_MIGRATION_V4_WRITE_MODE',
  values: ['legacy', 'dual', 'events_only'],
  v3: 'legacy',
  v4: 'events_only',
}
/** Read by the worker only. */
export const NATIVE_OTEL: V4Flag = {
  name: 'LANGFUSE_MIGRATION_V4_NATIVE_OTEL_BEHAVIOUR',
  values: ['dual_write', 'direct'],
  v3: 'dual_write',
  v4: 'direct',
}
export const PREVIEW: V4Flag = {
  name: 'LANGFUSE_MIGRATION_V4_ALLOW_PREVIEW_OPT_IN',
  values: SWITCH,
  v3: 'false',
  v4: 'true',
}
export const BACKFILL: V4Flag = {
  name: 'LANGFUSE_BACKGROUND_MIGRATION_V4_ENABLE_HISTORIC_BACKFILL',
  values: SWITCH,
  v3: 'false',
  v4: 'true',
}
export const V4_FLAGS: readonly V4Flag[] = [WRITE_MODE, NATIVE_OTEL, PREVIEW, BACKFILL]

/** Since this release the worker reads the flags (validateV4Flags). */
const FIRST_WITH_FLAGS = '3.179.0'

export function readsV4Flags(release: string): boolean {
  return compareVersions(release, FIRST_WITH_FLAGS) >= 0
}

/**
 * The tables of the events, which ClickHouse's migrations 0038 to 0041 create; they come with 4.0.0. Without them Langfuse
 * loses the rows that it writes there and fails every trace deletion, and its health and readiness stay good (run with
 * v3.225.4: "observations_batch_staging does not exist", "Unknown table expression identifier 'events_core'").
 */
export const EVENTS_TABLES = {
  head: 41,
  first: '4.0.0',
  names: ['observations_batch_staging', 'events_full', 'events_core'],
} as const

/** Before the flags, each of these needed the events tables if it was `true`: env.ts and env.mjs of 3.116.1 to 3.178.0. */
const OLDER_SWITCHES: readonly { readonly name: string; readonly since: string }[] = [
  { name: 'LANGFUSE_EXPERIMENT_INSERT_INTO_EVENTS_TABLE', since: '3.116.1' },
  { name: 'LANGFUSE_ENABLE_EVENTS_TABLE_OBSERVATIONS', since: '3.118.0' },
  { name: 'LANGFUSE_ENABLE_EVENTS_TABLE_FLAGS', since: '3.127.0' },
  { name: 'LANGFUSE_ENABLE_EVENTS_TABLE_V2_APIS', since: '3.143.0' },
  { name: 'LANGFUSE_ENABLE_EVENTS_TABLE_UI', since: '3.172.0' },
]

/** Variables of a release that need the events tables, each with the values that do. */
export function needEventsTables(
  release: string,
): readonly { readonly name: string; readonly values: readonly string[] }[] {
  if (readsV4Flags(release)) return [{ name: WRITE_MODE.name, values: ['dual', 'events_only'] }]
  return OLDER_SWITCHES.filter(({ since }) => compareVersions(release, since) >= 0).map(({ name }) => ({
    name,
    values: ['true'],
  }))
}

/** A flag's default in a release; undefined for every other name. */
export function flagDefault(name: string, release: string): string | undefined {
  const flag = V4_FLAGS.find(item => item.name === name)
  return flag && (majorOf(release) >= 4 ? flag.v4 : flag.v3)
}

/** The combinations with which the worker throws at its start; the web does not check. */
export function crashes(flags: {
  readonly mode: string
  readonly otel: string
  readonly preview: string
}): boolean {
  if (flags.mode === 'legacy') return flags.otel === 'direct'
  return flags.mode === 'events_only' && (flags.otel === 'dual_write' || flags.preview !== 'true')
}

/**
 * Whether a worker runs background migrations that need the variable `gate`. Only the historic backfill has a default
 * (worker/src/env.ts).
 */
export function gateIsOpen(gate: string, value: string | undefined, running: string | undefined): boolean {
  if (value !== undefined) return value === 'true'
  return running !== undefined && gate === BACKFILL.name && flagDefault(gate, running) === 'true'
}
