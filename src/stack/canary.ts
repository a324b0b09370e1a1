import { compareVersions } from '../release/release.ts'
import { majorOf } from '../release/requirements.ts'
import { flagDefault, readsV4Flags, WRITE_MODE } from '../release/v4-flags.ts'
import type { Observed, WebComponent } from './stack.ts'

/** What became of the canary: a trace that was written to be read back. What it means is for the check to say. */
export type Canary = {
  readonly traceId: string
  readonly route: CanaryRoute
  /** Where it was written to. */
  readonly address: string
  readonly write: CanaryWrite
  /** undefined: it was not accepted, so it was not looked for. */
  readonly read: CanaryRead | undefined
  /** Langfuse holds events back around midnight UTC: for so many milliseconds. */
  readonly heldBackMs: number | undefined
  /** Its rows in ClickHouse, when it was not shown and ClickHouse can be asked from here. */
  readonly rows: Observed<number>
  /** Langfuse's queues at that time. */
  readonly queues: Observed<readonly CanaryQueue[]>
  readonly deletion: CanaryDeletion
  /** Canaries of earlier runs that were still there. */
  readonly left: Observed<CanaryLeft>
}

/**
 * How it was sent. `ingestion`: as clients before v4 do; `otel`: as those of v4 do, which is the only way into
 * `events_only`. `told`: the web's settings say so; otherwise its answers decide.
 */
export type CanaryRoute = {
  readonly path: 'ingestion' | 'otel'
  readonly mode: string
  readonly configured: boolean
}

/** `unanswered`: nobody knows whether it was taken. `problem` is Langfuse's own word, or why there was none. */
export type CanaryWrite =
  | { readonly state: 'accepted' }
  | { readonly state: 'refused'; readonly status: number; readonly problem: string }
  | { readonly state: 'unanswered'; readonly problem: string }

/** `missing`: what of it did not show, and what was answered last. */
export type CanaryRead = {
  readonly state: 'seen' | 'missing' | 'refused' | 'cancelled'
  readonly missing: readonly CanaryPart[]
  readonly milliseconds: number
  readonly polls: number
  readonly last: string
}

export type CanaryPart = 'trace' | 'observation' | 'score'

/** `delayed`: held back at first, and tried again after a failure. */
export type CanaryQueue = {
  readonly name: string
  readonly waiting: number
  readonly delayed: number
  readonly active: number
  readonly failed: number
}

export type CanaryDeletion =
  /** Langfuse deletes in the background. */
  | { readonly state: 'accepted' }
  | { readonly state: 'refused'; readonly problem: string }
  /** Nothing was written. */
  | { readonly state: 'needless' }

export type CanaryLeft = {
  readonly found: number
  readonly deleted: number
  readonly problem: string | undefined
}

/** `DELETE /api/public/traces/{id}` is there since this release (web/src/pages/api/public/traces/[traceId].ts). */
const FIRST_WITH_DELETE = '3.39.0'

/** How a canary goes into this web, or the reason why none is written: what cannot be deleted is not written. */
export function canaryRoute(
  web: Pick<WebComponent, 'environment' | 'secrets'>,
  release: string | undefined,
): CanaryRoute | string {
  if (release !== undefined && majorOf(release) < 3)
    return `Langfuse ${release} writes to PostgreSQL alone, so there is no way through S3, Valkey and ClickHouse to try`
  if (release !== undefined && compareVersions(release, FIRST_WITH_DELETE) < 0)
    return `Langfuse ${release} has no API that deletes a trace (it came with ${FIRST_WITH_DELETE}), so none is written`
  const mode = writeMode(web, release)
  return {
    path: mode === 'events_only' ? 'otel' : 'ingestion',
    mode: mode ?? 'unknown',
    configured: mode !== undefined,
  }
}

/** undefined: neither the settings nor the release say. */
function writeMode(
  { environment, secrets }: Pick<WebComponent, 'environment' | 'secrets'>,
  release: string | undefined,
): string | undefined {
  if (release !== undefined && !readsV4Flags(release)) return 'legacy'
  if (secrets[WRITE_MODE.name] !== undefined) return undefined
  const written = environment[WRITE_MODE.name] || undefined
  return written ?? (release === undefined ? undefined : flagDefault(WRITE_MODE.name, release))
}

/** Unless LANGFUSE_INGESTION_QUEUE_DELAY_MS says otherwise: packages/shared/src/env.ts, v3.0.0 to v4.16.0. */
const USUAL_DELAY_MS = 15_000

/**
 * How long the web holds an event back: up to five seconds, and the whole of LANGFUSE_INGESTION_QUEUE_DELAY_MS between
 * 23:45 and 00:15 UTC (getDelay of processEventBatch.ts, v3.0.0 to v4.16.0).
 * @param now epoch milliseconds
 */
export function holdsBack(
  environment: Readonly<Record<string, string>>,
  now: number,
): { readonly milliseconds: number; readonly nearMidnight: boolean } {
  const configured = Number(environment['LANGFUSE_INGESTION_QUEUE_DELAY_MS'] || USUAL_DELAY_MS)
  const delay = Number.isFinite(configured) && configured >= 0 ? configured : USUAL_DELAY_MS
  const time = new Date(now)
  const minute = time.getUTCHours() * 60 + time.getUTCMinutes()
  const nearMidnight = minute >= 23 * 60 + 45 || minute <= 15
  return { milliseconds: nearMidnight ? delay : Math.min(5_000, delay), nearMidnight }
}
