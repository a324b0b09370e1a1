import { explain } from '../errors/errors.ts'
import type { LangfuseAnswer } from '../ports/http.ts'
import type { CanaryLeft } from '../stack/canary.ts'
import { known, type Observed, unknown } from '../stack/stack.ts'
import { listIn, memberOf, wordOf } from './canary-answers.ts'
import { CANARY_NAME } from './canary-body.ts'
import type { CanaryRequest } from './run-canary.ts'

/** Younger ones may be of a run that is going on, or be about to be deleted. */
const OLD_MS = 15 * 60_000
const MOST = 20
const TIMEOUT_MS = 10_000

/** Deletes the canaries of earlier runs that were killed, or whose deletion Langfuse did not carry out. Never throws. */
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

/** Looked at again here: a filter that a release does not know must not make somebody's traces canaries. */
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
  for (const id of ids) {
    if (request.signal.aborted) return { found: ids.length, deleted, problem: 'the run was cancelled' }
    try {
      const answer = await request.api.deleteTrace(id, { timeoutMs: TIMEOUT_MS, signal: request.signal })
      if (answer.status === 200) deleted += 1
      else problem = `${answer.status} ${wordOf(answer.body)}`.trim()
    } catch (error) {
      problem = explain(error)
    }
  }
  return { found: ids.length, deleted, problem }
}
