/** Troubles that tests arrange: the next `times` calls of an operation meet them. */
export function makeFaults(): Faults {
  const waiting: { operation: string; times: number; kind: FaultKind }[] = []
  return {
    add: fault => {
      waiting.push({ operation: fault.operation, times: fault.times ?? 1, kind: fault.kind })
    },
    take: (service, operation) => {
      const fault = waiting.find(
        f => f.times > 0 && (f.operation === operation || f.operation === `${service}.${operation}`),
      )
      if (fault) fault.times -= 1
      return fault?.kind
    },
    clear: () => {
      waiting.length = 0
    },
  }
}

/**
 * throttle: ThrottlingException; server-error: HTTP 500; reset: the connection is cut before an answer;
 * lost-answer: the call is carried out and the connection is cut; stale: the answer the same call got before
 * (read-after-write lag; a call made for the first time is answered as it is); {answer}: this body instead.
 */
export type FaultKind =
  | 'throttle'
  | 'server-error'
  | 'reset'
  | 'lost-answer'
  | 'stale'
  | { readonly answer: unknown }

export type Faults = {
  /** `operation` is `UpdateService` or, where two services share a name, `ecs.UpdateService`. */
  add(fault: { readonly operation: string; readonly times?: number; readonly kind: FaultKind }): void
  take(service: string, operation: string): FaultKind | undefined
  clear(): void
}
