import type { Clock } from './clock.ts'
import { AwsError } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'

/**
 * Read-after-write lag: while a service lags, its objects are remembered all the time and right before each write, and
 * reads show each as it was `seconds` ago; what did not exist then is missing.
 */
export function makeLags(clock: Clock, views: Readonly<Record<string, View>>): Lags {
  const seconds = new Map<string, number>()
  const histories = new Map<string, History>()
  const timers = new Map<string, () => void>()

  const observe = (service: string, at = now()) => {
    const history = histories.get(service)
    const view = views[service]
    if (history && view) remember(history, view, { now: at, keep: seconds.get(service) ?? 0 })
  }
  const now = () => clock.now().getTime() / 1000

  const stop = (service: string) => {
    timers.get(service)?.()
    timers.delete(service)
    histories.delete(service)
  }

  const set = (lag: Lag) => {
    seconds.set(lag.of, lag.seconds)
    stop(lag.of)
    if (lag.seconds <= 0 || !views[lag.of]) return
    const begun = now()
    histories.set(lag.of, { begun, objects: new Map() })
    observe(lag.of, begun)
    timers.set(
      lag.of,
      clock.every(1, () => observe(lag.of)),
    )
  }

  return {
    set,
    secondsOf: name => seconds.get(name) ?? 0,
    beforeWrite: service => observe(service),
    apply: (call, output) => {
      const history = histories.get(call.service)
      const shape = SHAPES[`${call.service}.${call.operation}`]
      if (!history || !shape) return output
      return shape(output, object => old(history, object, now() - (seconds.get(call.service) ?? 0)))
    },
    clear: () => {
      for (const service of [...timers.keys()]) stop(service)
      seconds.clear()
    },
  }
}

/** `of`: every read of a service, or how late ListOperations shows a new operation. */
export type Lag = { readonly of: 'ecs' | 'apprunner' | 'apprunner.ListOperations'; readonly seconds: number }

export type Lags = {
  set(lag: Lag): void
  secondsOf(name: Lag['of']): number
  /** Remembers what is true right now. */
  beforeWrite(service: string): void
  apply(call: { readonly service: string; readonly operation: string }, output: JsonObject): JsonObject
  clear(): void
}

/** All objects of a service as its API shows them, by ARN. */
export type View = () => Iterable<readonly [string, JsonObject]>

type Sample = { readonly at: number; readonly value: JsonObject }
type History = { readonly begun: number; readonly objects: Map<string, Sample[]> }

function remember(history: History, view: View, when: { now: number; keep: number }) {
  for (const [arn, value] of view()) {
    const samples = history.objects.get(arn) ?? []
    history.objects.set(arn, samples)
    samples.push({ at: when.now, value: copy(value) })
    // One that is old enough has to stay.
    while ((samples[1]?.at ?? Number.POSITIVE_INFINITY) <= when.now - when.keep) samples.shift()
  }
}

/** Dates stay what they are: structuredClone makes them of another realm, where the tests run in one of their own. */
function copy<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(copy) as Value
  if (!isObject(value) || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)])) as Value
}

function old(history: History, arn: string, at: number): JsonObject | undefined {
  const samples = history.objects.get(arn) ?? []
  const known = samples.findLast(sample => sample.at <= at)
  // What was there when the lag began was there before it.
  const first = samples[0]
  return known?.value ?? (first?.at === history.begun ? first.value : undefined)
}

type Shape = (output: JsonObject, old: (arn: string) => JsonObject | undefined) => JsonObject

/** Tags are shown as they were asked for. */
const listOf =
  (list: string, id: string): Shape =>
  (output, old) => {
    const current = (Array.isArray(output[list]) ? output[list] : []).filter(isObject)
    const aged = current.map(object => ({ object, before: old(String(object[id])) }))
    const failures = Array.isArray(output.failures) ? output.failures : []
    return {
      ...output,
      [list]: aged.flatMap(({ object, before }) => (before ? [{ ...before, tags: object.tags }] : [])),
      failures: [
        ...failures,
        ...aged.filter(({ before }) => !before).map(({ object }) => ({ arn: object[id], reason: 'MISSING' })),
      ],
    }
  }

const appRunnerService: Shape = (output, old) => {
  const arn = isObject(output.Service) ? String(output.Service.ServiceArn) : ''
  const before = old(arn)
  if (before) return { ...output, Service: before }
  throw new AwsError('ResourceNotFoundException', `Service with ServiceArn: ${arn} is not found.`)
}

const expressService: Shape = (output, old) => {
  const before = old(`express ${isObject(output.service) ? output.service.serviceArn : ''}`)
  return before ? { ...output, service: before } : output
}

const SHAPES: Readonly<Record<string, Shape>> = {
  'ecs.DescribeServices': listOf('services', 'serviceArn'),
  'ecs.DescribeTasks': listOf('tasks', 'taskArn'),
  'ecs.DescribeServiceDeployments': listOf('serviceDeployments', 'serviceDeploymentArn'),
  'ecs.DescribeExpressGatewayService': expressService,
  'apprunner.DescribeService': appRunnerService,
}
