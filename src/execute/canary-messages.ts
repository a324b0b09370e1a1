import type { LangfuseAnswer } from '../ports/http.ts'
import type { CanaryPart, CanaryRoute, CanaryWrite } from '../stack/canary.ts'

/** The name of every canary: people and later runs recognise it by this. */
export const CANARY_NAME = 'langfuse-rollout-canary'

export type CanaryIds = {
  readonly trace: string
  readonly observation: string
  readonly score: string
  /** Ids of the three events. */
  readonly events: readonly [string, string, string]
}

/** One event for each path through Valkey and ClickHouse: https://api.reference.langfuse.com */
export function canaryEvents(ids: CanaryIds, now: number): readonly object[] {
  const timestamp = new Date(now).toISOString()
  const [first, second, third] = ids.events
  const event = (id: string, type: string, body: object) => ({ id, type, timestamp, body })
  return [
    event(first, 'trace-create', {
      id: ids.trace,
      timestamp,
      name: CANARY_NAME,
      tags: [CANARY_NAME],
      metadata: {
        purpose: 'Langfuse Rollout wrote this trace to verify ingestion and deletes it immediately.',
      },
    }),
    event(second, 'span-create', {
      id: ids.observation,
      traceId: ids.trace,
      name: CANARY_NAME,
      startTime: timestamp,
      endTime: timestamp,
    }),
    event(third, 'score-create', {
      id: ids.score,
      traceId: ids.trace,
      name: CANARY_NAME,
      value: 1,
      dataType: 'NUMERIC',
    }),
  ]
}

/** One root span as OTLP: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
export function canarySpans(ids: CanaryIds, now: number): readonly object[] {
  const nanoseconds = `${now}000000`
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const span = {
    traceId: ids.trace,
    spanId: ids.observation,
    name: CANARY_NAME,
    kind: 1,
    startTimeUnixNano: nanoseconds,
    endTimeUnixNano: nanoseconds,
    attributes: [
      text('langfuse.trace.name', CANARY_NAME),
      { key: 'langfuse.trace.tags', value: { arrayValue: { values: [{ stringValue: CANARY_NAME }] } } },
    ],
    status: {},
  }
  return [
    {
      resource: { attributes: [text('service.name', 'langfuse-rollout')] },
      scopeSpans: [{ scope: { name: 'langfuse-rollout' }, spans: [span] }],
    },
  ]
}

/** The result of a write. */
export type Answered = {
  readonly write: CanaryWrite
  /** Langfuse may have stored a part, so it must be deleted. */
  readonly mayBeThere: boolean
  /** A retry may help. */
  readonly again: boolean
  /** The web accepts only what v4 clients send. */
  readonly eventsOnly: boolean
}

/** The result of one read; `over`: another read cannot return more. */
export type Seen = {
  readonly missing: readonly CanaryPart[]
  readonly last: string
  readonly over: 'seen' | 'refused' | undefined
}

/** 207 alone is no success: each event has its own result, and `events_only` refuses events there (langfuse#15857). */
export function takenUp({ status, body }: LangfuseAnswer, path: CanaryRoute['path']): Answered {
  if (path === 'otel' && status === 200 && !isPage(body)) return ACCEPTED
  if (path === 'ingestion' && status === 207) return takenUpEach(body)
  const problem = isPage(body) ? `${status} with a page that did not come from Langfuse` : wordOf(body)
  const isBusy = status >= 500 || status === 429
  return { ...refused(status, problem), mayBeThere: status >= 500, again: isBusy }
}

const TAKEN = { mayBeThere: true, again: false, eventsOnly: false }
const ACCEPTED: Answered = { ...TAKEN, write: { state: 'accepted' } }

function refused(status: number, problem: string): Answered {
  return { ...TAKEN, write: { state: 'refused', status, problem } }
}

function takenUpEach(body: unknown): Answered {
  const errors = listIn(body, 'errors')
  const hasSuccess = listIn(body, 'successes').length > 0
  if (errors.length === 0)
    return hasSuccess ? ACCEPTED : refused(207, `207 without a result for any event (${wordOf(body)})`)
  const [first] = errors
  const status = Number(memberOf(first, 'status') ?? 400)
  const problem = [memberOf(first, 'message'), memberOf(first, 'error')]
    .filter(word => typeof word === 'string')
    .join(': ')
  const eventsOnly = problem.includes('events_only')
  return { ...refused(status, shortened(problem)), mayBeThere: hasSuccess, again: status >= 500, eventsOnly }
}

/** False if another read cannot help: the key may not read, or this mode does not have the API. */
export function isReadable({ status, body }: LangfuseAnswer, path: CanaryRoute['path']): boolean {
  if (status === 401 || status === 403) return false
  if (status !== 404) return true
  return path === 'ingestion' && !wordOf(body).includes('events_only')
}

/** The parts of the canary that an answer contains. */
export function partsSeen(
  { status, body }: LangfuseAnswer,
  path: CanaryRoute['path'],
  ids: CanaryIds,
): readonly CanaryPart[] {
  if (status !== 200) return []
  const has = (list: readonly unknown[], id: string) => list.some(item => memberOf(item, 'id') === id)
  if (path === 'otel') return has(listIn(body, 'data'), ids.observation) ? ['trace'] : []
  if (memberOf(body, 'id') !== ids.trace) return []
  return [
    'trace',
    ...(has(listIn(body, 'observations'), ids.observation) ? (['observation'] as const) : []),
    ...(has(listIn(body, 'scores'), ids.score) ? (['score'] as const) : []),
  ]
}

/** Langfuse's own message in a body, shortened; a page has none. */
export function wordOf(body: unknown): string {
  if (typeof body === 'string') return isPage(body) ? '(a page)' : shortened(body)
  const words = [memberOf(body, 'message'), ...listIn(body, 'errors')].filter(
    word => typeof word === 'string',
  )
  // If there is a message, `error` is only a class name.
  return shortened((words.length > 0 ? words : [memberOf(body, 'error') ?? '']).join(': '))
}

function isPage(body: unknown): boolean {
  return typeof body === 'string' && body.trim() !== ''
}

const LONGEST = 300

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}

export function listIn(body: unknown, name: string): readonly unknown[] {
  const found = memberOf(body, name)
  return Array.isArray(found) ? found : []
}

export function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Readonly<Record<string, unknown>>)[name]
    : undefined
}
