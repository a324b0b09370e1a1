import { randomBytes } from 'node:crypto'
import { explain, Interrupted } from '../errors/errors.ts'
import type { LangfuseAnswer, LangfuseApi, LangfuseCall } from '../ports/http.ts'
import type { Clock } from '../ports/runner.ts'
import {
  type Canary,
  type CanaryDeletion,
  type CanaryLeft,
  type CanaryProbe,
  type CanaryRead,
  type CanaryRoute,
  holdsBack,
} from '../stack/canary.ts'
import { known, type Observed, unknown } from '../stack/stack.ts'
import {
  type Answered,
  CANARY_NAME,
  type CanaryIds,
  canaryEvents,
  canarySpans,
  isReadable,
  listIn,
  memberOf,
  partsSeen,
  type Seen,
  takenUp,
  wordOf,
} from './canary-messages.ts'
import { type Poll, waitFor } from './wait.ts'

export type CanaryRequest = {
  readonly api: LangfuseApi
  readonly route: CanaryRoute
  /** The plain environment of the web, without secrets. */
  readonly environment: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Epoch milliseconds by which the canary must be readable. */
  readonly deadline: number
  readonly probe: CanaryProbe
}

/** Ten seconds are typical; a busy worker takes a minute. */
const SETTLE_MS = 120_000

/**
 * Writes a trace as a client does, polls until Langfuse returns it, and always deletes it. Also deletes canaries that
 * killed runs left. Never throws: a failure is part of the result.
 */
export async function runCanary(request: CanaryRequest): Promise<Canary> {
  const { api, clock } = request
  const ids = newIds()
  const left = sweepCanaries(request)
  const held = holdsBack(request.environment, clock.now())
  const { route, answered } = await write(request, ids)
  const until = Math.min(clock.now() + SETTLE_MS + held.milliseconds, request.deadline)
  const read =
    answered.write.state === 'refused'
      ? undefined
      : await readBack({ ...request, route, deadline: until }, ids)
  const evidence = await probeStores(request, { ids, route, read })
  return {
    traceId: ids.trace,
    route,
    address: api.address,
    write: answered.write,
    read,
    heldBackMs: held.nearMidnight ? held.milliseconds : undefined,
    ...evidence,
    deletion: answered.mayBeThere ? await remove(request, ids.trace) : { state: 'needless' },
    left: await left,
  }
}

/** Ids that OpenTelemetry accepts too: 16 and 8 bytes. */
function newIds(): CanaryIds {
  const hex = (bytes: number) => randomBytes(bytes).toString('hex')
  return { trace: hex(16), observation: hex(8), score: hex(16), events: [hex(16), hex(16), hex(16)] }
}

const WRITE_TIMEOUT_MS = 15_000
const WRITE_ATTEMPTS = 3
const WRITE_PAUSE_MS = 2_000

type Written = { readonly route: CanaryRoute; readonly answered: Answered }

/** Uses the configured route; if none is configured and Langfuse refuses the first, uses the other. */
async function write(request: CanaryRequest, ids: CanaryIds): Promise<Written> {
  const { route } = request
  const answered = await insist(request, () => send(request, route, ids))
  if (route.configured || route.path === 'otel' || !answered.eventsOnly) return { route, answered }
  const other: CanaryRoute = { path: 'otel', mode: 'events_only', configured: false }
  return { route: other, answered: await insist(request, () => send(request, other, ids)) }
}

async function send(
  { api, clock, signal }: CanaryRequest,
  route: CanaryRoute,
  ids: CanaryIds,
): Promise<Answered> {
  const options = { timeoutMs: WRITE_TIMEOUT_MS, signal }
  try {
    const answer =
      route.path === 'ingestion'
        ? await api.ingest(canaryEvents(ids, clock.now()), options)
        : await api.ingestSpans(canarySpans(ids, clock.now()), options)
    return takenUp(answer, route.path)
  } catch (error) {
    const problem = signal.aborted ? 'the run was cancelled' : explain(error)
    return { write: { state: 'unanswered', problem }, mayBeThere: true, again: true, eventsOnly: false }
  }
}

/** Retries are safe because the ids stay the same, so a short proxy failure does not count against Langfuse. */
async function insist(
  { clock, signal, deadline }: CanaryRequest,
  attempt: () => Promise<Answered>,
): Promise<Answered> {
  let mayBeThere = false
  for (let left = WRITE_ATTEMPTS - 1; ; left -= 1) {
    const answered = await attempt()
    mayBeThere ||= answered.mayBeThere
    const over = left === 0 || signal.aborted || clock.now() + WRITE_PAUSE_MS >= deadline
    if (!answered.again || over) return { ...answered, mayBeThere }
    await clock.sleep(WRITE_PAUSE_MS, signal).catch(() => undefined)
  }
}

const READ_TIMEOUT_MS = 10_000

async function readBack(request: CanaryRequest, ids: CanaryIds): Promise<CanaryRead> {
  const { clock, signal, deadline } = request
  const began = clock.now()
  let polls = 0
  let seen: Seen = { missing: [], last: 'nothing', over: undefined }
  const poll = async (): Promise<Poll<Seen>> => {
    polls += 1
    seen = await readOnce(request, ids)
    return seen.over === undefined ? { state: 'waiting', note: seen.last } : { state: 'settled', value: seen }
  }
  const readResult = (state: CanaryRead['state']): CanaryRead => ({
    state,
    missing: seen.missing,
    milliseconds: clock.now() - began,
    polls,
    last: seen.last,
  })
  try {
    await waitFor(poll, { clock, deadline, signal, say: () => undefined, what: 'the canary' })
    return readResult(seen.over === 'seen' ? 'seen' : 'refused')
  } catch (error) {
    if (!(error instanceof Interrupted)) seen = { ...seen, last: explain(error) }
    return readResult(signal.aborted ? 'cancelled' : 'missing')
  }
}

/** 404 is normal at first: ingestion is asynchronous (langfuse#8240). */
async function readOnce({ api, route, signal }: CanaryRequest, ids: CanaryIds): Promise<Seen> {
  const options = { timeoutMs: READ_TIMEOUT_MS, signal }
  const all = route.path === 'otel' ? (['trace'] as const) : (['trace', 'observation', 'score'] as const)
  try {
    const answer =
      route.path === 'otel' ? await api.observations(ids.trace, options) : await api.trace(ids.trace, options)
    const last = `${answer.status} ${wordOf(answer.body)}`.trim()
    if (!isReadable(answer, route.path)) return { missing: all, last, over: 'refused' }
    const missing = all.filter(part => !partsSeen(answer, route.path, ids).includes(part))
    return { missing, last, over: missing.length === 0 ? 'seen' : undefined }
  } catch (error) {
    return { missing: all, last: `no answer: ${explain(error)}`, over: undefined }
  }
}

type Found = {
  readonly ids: CanaryIds
  readonly route: CanaryRoute
  readonly read: CanaryRead | undefined
}

/** Finds where the canary got stuck; only probed if it did not arrive. */
async function probeStores(
  { probe }: CanaryRequest,
  { ids, route, read }: Found,
): Promise<Pick<Canary, 'rows' | 'queues'>> {
  if (read === undefined || read.state === 'seen' || read.state === 'cancelled') {
    const unasked = unknown<never>('not needed', 'not-asked')
    return { rows: unasked, queues: unasked }
  }
  const [rows, queues] = await Promise.all([probe.rows(ids.trace, route.path), probe.queues()])
  return { rows, queues }
}

const DELETE_TIMEOUT_MS = 4_000
const DELETE_ATTEMPTS = 3
const DELETE_PAUSE_MS = 1_500

/** Ignores the run's signal: a cancelled run has ten seconds left for this clean-up. */
async function remove({ api, clock, signal }: CanaryRequest, id: string): Promise<CanaryDeletion> {
  for (let left = DELETE_ATTEMPTS - 1; ; left -= 1) {
    const outcome = await removeOnce(api, id, { timeoutMs: DELETE_TIMEOUT_MS })
    if (outcome.state === 'accepted' || left === 0 || signal.aborted) return outcome
    await clock.sleep(DELETE_PAUSE_MS, signal).catch(() => undefined)
  }
}

async function removeOnce(api: LangfuseApi, id: string, options: LangfuseCall): Promise<CanaryDeletion> {
  try {
    const { status, body } = await api.deleteTrace(id, options)
    if (status === 200) return { state: 'accepted' }
    return { state: 'refused', problem: `${status} ${wordOf(body)}`.trim() }
  } catch (error) {
    return { state: 'refused', problem: explain(error) }
  }
}

/** Younger canaries may belong to a running action. */
const OLD_MS = 15 * 60_000
const MOST = 20
const TIMEOUT_MS = 10_000

/** Deletes canaries that earlier runs left. Never throws. */
export async function sweepCanaries(request: CanaryRequest): Promise<Observed<CanaryLeft>> {
  const { api, clock, signal, route } = request
  const wanted = {
    name: CANARY_NAME,
    before: new Date(clock.now() - OLD_MS).toISOString(),
    limit: MOST,
  }
  const options = { timeoutMs: TIMEOUT_MS, signal }
  try {
    const answer =
      route.path === 'otel' ? await api.observationsNamed(wanted, options) : await api.traces(wanted, options)
    if (answer.status !== 200) return unknown(`${answer.status} ${wordOf(answer.body)}`.trim(), 'no-evidence')
    return known(await removeAll(request, leftIn(answer, request)), api.address)
  } catch (error) {
    return unknown(explain(error), 'no-evidence')
  }
}

/** Filters again: a release that ignores the query's filter would return the user's own traces. */
function leftIn({ body }: LangfuseAnswer, { route, clock }: CanaryRequest): readonly string[] {
  const ids = listIn(body, 'data')
    .filter(row => memberOf(row, 'name') === CANARY_NAME)
    .filter(row => route.path === 'otel' || listIn(row, 'tags').includes(CANARY_NAME))
    .filter(row => timeOf(row) <= clock.now() - OLD_MS)
    .map(row => memberOf(row, route.path === 'otel' ? 'traceId' : 'id'))
  return [...new Set(ids.filter(id => typeof id === 'string'))]
}

function timeOf(row: unknown): number {
  const time = Date.parse(String(memberOf(row, 'timestamp') ?? memberOf(row, 'startTime') ?? ''))
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time
}

async function removeAll(request: CanaryRequest, ids: readonly string[]): Promise<CanaryLeft> {
  let deleted = 0
  let problem: string | undefined
  const options = { timeoutMs: TIMEOUT_MS, signal: request.signal }
  for (const id of ids) {
    if (request.signal.aborted) return { found: ids.length, deleted, problem: 'the run was cancelled' }
    const outcome = await removeOnce(request.api, id, options)
    if (outcome.state === 'accepted') deleted += 1
    else if (outcome.state === 'refused') problem = outcome.problem
  }
  return { found: ids.length, deleted, problem }
}
