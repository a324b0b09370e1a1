/** What every canary is called, so that a person and the next run know it. */
export const CANARY_NAME = 'langfuse-rollout-canary'

export type CanaryIds = {
  readonly trace: string
  readonly observation: string
  readonly score: string
  /** Of the three events themselves. */
  readonly events: readonly [string, string, string]
}

/** One of each kind that goes its own way through Valkey and ClickHouse: https://api.reference.langfuse.com */
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
      metadata: { purpose: 'Written by Langfuse Rollout to see that traces arrive; it is deleted at once.' },
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
