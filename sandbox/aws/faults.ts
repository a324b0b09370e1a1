import { AwsError } from './errors.ts'
import { ACCOUNT } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import type { Lag, Lags } from './lag.ts'
import type { RateLimit } from './rate-limit.ts'

/** Troubles that tests arrange. A call meets the oldest fault that is for it and is not used up. */
export function makeFaults(lags: Lags, limit: RateLimit): Faults {
  const arranged: Arranged[] = []
  const attempts = new Map<string, number>()

  const take = (call: FaultCall) => {
    const key = keyOf(call)
    const attempt = (attempts.get(key) ?? 0) + 1
    const fault = arranged.find(
      candidate => applies(candidate, call) && metBy(candidate, key) < candidate.times,
    )
    if (fault) {
      fault.met.set(scopeOf(fault, key), metBy(fault, key) + 1)
      attempts.set(key, attempt)
      return { attempt, kind: fault.kind }
    }
    if (limit.exceeds(call.service)) {
      attempts.set(key, attempt)
      return { attempt, kind: 'throttle' as const }
    }
    attempts.delete(key)
    for (const { each, met } of arranged) if (each === 'call') met.delete(key)
    return { attempt, kind: undefined }
  }

  return {
    add: ({ operation, kind, times = 1, each, caller }) =>
      void arranged.push({
        operation,
        kind,
        times,
        each: each === true ? 'call' : each,
        caller,
        met: new Map(),
      }),
    take,
    lag: lags.set,
    limit: limit.set,
    clear: () => {
      arranged.length = 0
      attempts.clear()
      lags.clear()
      limit.set(undefined)
    },
  }
}

/**
 * throttle: ThrottlingException; server-error: HTTP 500; reset: the connection is cut before an answer;
 * lost-answer: the call is carried out and the connection is cut; stale: the answer the same call got before
 * (a call made for the first time is answered as it is); access-denied: as IAM says it; silence: the connection stays
 * open and nothing comes; html: a page of something in between, with status 200; {answer}: this body instead;
 * {change}: what it makes of the true body; {error}: AWS's error of that name.
 */
export type FaultKind =
  | 'throttle'
  | 'server-error'
  | 'reset'
  | 'lost-answer'
  | 'stale'
  | 'access-denied'
  | 'silence'
  | 'html'
  | { readonly change: (output: JsonObject, input: JsonObject) => JsonObject }
  | { readonly answer: unknown }
  | { readonly error: readonly [name: string, message: string] }

export type Fault = {
  /** `UpdateService`; `ecs.UpdateService` where two services share a name; `ecs.*`; `*` for every operation. */
  readonly operation: string
  readonly kind: FaultKind
  /** How many calls meet it; 1 by default, Infinity for ever. */
  readonly times?: number
  /**
   * Count `times` for each call by itself, a call being an operation with its input (idempotency tokens aside).
   * `call` or true: before each success it meets the fault `times` times, again and again; `distinct`: only once.
   */
  readonly each?: 'call' | 'distinct' | true
  /** Access key of the one caller that meets it; everybody by default. */
  readonly caller?: string
}

export type FaultCall = {
  readonly service: string
  readonly operation: string
  readonly input: JsonObject
  /** Access key. */
  readonly caller: string
}

export type Faults = {
  add(fault: Fault): void
  /** The fault that a call meets, and which attempt at this call it is since the last one that met none. */
  take(call: FaultCall): { readonly attempt: number; readonly kind: FaultKind | undefined }
  /** Reads answer what was true `seconds` (virtual) ago; 0 ends it. */
  lag(lag: Lag): void
  /** A rate limit for each service. */
  limit: RateLimit['set']
  /** Forgets every fault, every lag and the rate limit. */
  clear(): void
}

type Arranged = {
  readonly operation: string
  readonly kind: FaultKind
  readonly times: number
  readonly each: 'call' | 'distinct' | undefined
  readonly caller: string | undefined
  readonly met: Map<string, number>
}

function applies({ operation, caller }: Arranged, call: FaultCall): boolean {
  if (caller !== undefined && caller !== call.caller) return false
  return ['*', `${call.service}.*`, call.operation, `${call.service}.${call.operation}`].includes(operation)
}

const scopeOf = ({ each }: Arranged, key: string) => (each === undefined ? '' : key)
const metBy = (fault: Arranged, key: string) => fault.met.get(scopeOf(fault, key)) ?? 0

/** A client that tries again may make itself a new idempotency token. */
const TOKENS = ['clientToken', 'ClientToken', 'IdempotencyToken', 'CreatorRequestId']

function keyOf({ service, operation, input }: Omit<FaultCall, 'caller'>): string {
  const rest = Object.entries(isObject(input) ? input : {}).filter(([name]) => !TOKENS.includes(name))
  return `${service} ${operation} ${JSON.stringify(rest)}`
}

/** The error of a fault as the service names it, from the official service models. */
export function faultError(
  kind: 'throttle' | 'server-error' | 'access-denied',
  call: Pick<FaultCall, 'service' | 'operation'>,
): AwsError {
  const { service, operation } = call
  const rest = service === 'efs' || service === 'backup'
  if (kind === 'throttle')
    return new AwsError(THROTTLES[service] ?? 'ThrottlingException', 'Rate exceeded', rest ? 429 : 400)
  if (kind === 'server-error')
    return new AwsError(
      SERVER_ERRORS[service] ?? 'ServerException',
      'Service Unavailable. Please try again later.',
      500,
    )
  const action = `${service === 'efs' ? 'elasticfilesystem' : service}:${operation}`
  return new AwsError(
    DENIALS[service] ?? 'AccessDeniedException',
    `User: arn:aws:iam::${ACCOUNT}:user/sandbox is not authorized to perform: ${action} on resource: * because no identity-based policy allows the ${action} action`,
    rest || service in DENIALS ? 403 : 400,
  )
}

const DENIALS: Readonly<Record<string, string>> = { ec2: 'UnauthorizedOperation', rds: 'AccessDenied' }

const THROTTLES: Readonly<Record<string, string>> = { ec2: 'RequestLimitExceeded', rds: 'Throttling' }

const SERVER_ERRORS: Readonly<Record<string, string>> = {
  apprunner: 'InternalServiceErrorException',
  ec2: 'InternalError',
  efs: 'InternalServerError',
  rds: 'InternalFailure',
  backup: 'ServiceUnavailableException',
  logs: 'ServiceUnavailableException',
  servicediscovery: 'InternalFailure',
}
