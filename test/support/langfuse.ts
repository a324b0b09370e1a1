import { CANARY_NAME } from '../../src/execute/canary-messages.ts'
import type { LangfuseAnswer, LangfuseApi } from '../../src/ports/http.ts'

/**
 * A small Langfuse: what is written comes to be readable after some time, and a deletion is carried out after some
 * more. Every call can be given another answer.
 */
export type FakeLangfuse = {
  readonly api: LangfuseApi
  /** Ids of the traces that are there at the moment, with the time since when they can be read. */
  readonly traces: Map<string, { readonly at: number; readonly shown: readonly string[] }>
  readonly calls: string[]
}

export type FakeLangfuseOptions = {
  readonly now: () => number
  readonly eventsOnly?: boolean
  /** How long the worker takes; Infinity: it has stopped. */
  readonly slowMs?: number
  /** Parts that never arrive. */
  readonly loses?: readonly ('trace' | 'observation' | 'score')[]
  readonly left?: readonly object[]
  /** Carried out, but nobody hears of it. */
  readonly loseAnswersOf?: string
  /** Instead of the usual answer; throwing is no answer at all. */
  readonly instead?: (call: string, count: number) => LangfuseAnswer | undefined
}

type Event = {
  readonly id: string
  readonly type: string
  readonly body: { readonly id: string; readonly traceId?: string }
}

export function fakeLangfuse(options: FakeLangfuseOptions): FakeLangfuse {
  const { now, slowMs = 8_000, eventsOnly = false, left = [] } = options
  const traces: FakeLangfuse['traces'] = new Map()
  const calls: string[] = []
  const lost = (part: string) => (options.loses ?? []).some(loses => loses === part)
  const answer = (call: string, usual: () => LangfuseAnswer): Promise<LangfuseAnswer> =>
    Promise.resolve().then(() => {
      calls.push(call)
      const name = call.split(' ')[0] ?? ''
      const count = calls.filter(other => other.startsWith(name)).length
      const given = options.instead?.(name, count) ?? usual()
      if (name === options.loseAnswersOf) throw new Error('socket hang up')
      return given
    })
  const arrived = (id: string) => {
    const trace = traces.get(id)
    return trace !== undefined && now() >= trace.at + slowMs && !lost('trace') ? trace : undefined
  }
  const api: LangfuseApi = {
    address: 'https://langfuse.example.com',
    ingest: batch =>
      answer('ingest', () => {
        const events = batch as readonly Event[]
        const [first] = events
        if (eventsOnly || first === undefined)
          return { status: 207, body: { successes: [], errors: events.map(refusal) } }
        traces.set(first.body.id, { at: now(), shown: events.map(event => event.body.id) })
        return { status: 207, body: { successes: events.map(({ id }) => ({ id, status: 201 })), errors: [] } }
      }),
    ingestSpans: spans =>
      answer('ingestSpans', () => {
        const [, trace = '', span = ''] =
          /"traceId":"(\w+)","spanId":"(\w+)"/.exec(JSON.stringify(spans)) ?? []
        traces.set(trace, { at: now(), shown: [span] })
        return { status: 200, body: {} }
      }),
    trace: id =>
      answer('trace', () => {
        if (eventsOnly) return NOT_IN_THIS_MODE
        const trace = arrived(id)
        if (trace === undefined)
          return { status: 404, body: { message: `Trace ${id} not found within authorized project` } }
        const [, observation, score] = trace.shown
        const list = (part: string, item: string | undefined) => (lost(part) ? [] : [{ id: item }])
        return {
          status: 200,
          body: { id, observations: list('observation', observation), scores: list('score', score) },
        }
      }),
    observations: id =>
      answer('observations', () => ({
        status: 200,
        body: { data: (arrived(id)?.shown ?? []).map(shown => ({ id: shown, traceId: id })), meta: {} },
      })),
    traces: () =>
      answer('traces', () => (eventsOnly ? NOT_IN_THIS_MODE : { status: 200, body: { data: left } })),
    observationsNamed: () => answer('observationsNamed', () => ({ status: 200, body: { data: left } })),
    deleteTrace: id =>
      answer(`deleteTrace ${id}`, () => {
        traces.delete(id)
        return { status: 200, body: { message: 'Trace deleted successfully' } }
      }),
  }
  return { api, traces, calls }
}

const NOT_IN_THIS_MODE: LangfuseAnswer = {
  status: 404,
  body: { message: 'This endpoint is not available on deployments running in Langfuse v4 events_only mode.' },
}

const refusal = ({ id, type }: Event) => ({
  id,
  status: 400,
  message: 'Event type not accepted',
  error: `Event type "${type}" is not accepted when LANGFUSE_MIGRATION_V4_WRITE_MODE is events_only.`,
})

/** A canary of an earlier run, as the list of traces shows it. */
export function leftCanary(id: string, timestamp: string, over: object = {}): object {
  return { id, traceId: id, name: CANARY_NAME, tags: [CANARY_NAME], timestamp, startTime: timestamp, ...over }
}
