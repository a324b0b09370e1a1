/**
 * An error that a person can act on. `message` is one sentence: what failed, on what, and what to do now.
 * Anything else that is thrown is a defect of ours and is reported as one.
 */
export class RolloutError extends Error {
  override readonly name: string = 'RolloutError'
}

/** Inputs that cannot be used: one sentence for each, found before anything was asked of AWS. */
export class BadInput extends RolloutError {
  override readonly name = 'BadInput'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** The run was cancelled or its deadline passed while something was still under way. */
export class Interrupted extends RolloutError {
  override readonly name = 'Interrupted'
}

/** AWS takes no write because the thing is in another state: at an operation, perhaps our own, or paused. */
export class Busy extends RolloutError {
  override readonly name = 'Busy'
}

/** The caller's IAM policy does not allow a call. `permission` is what to grant, e.g. `rds:CreateDBClusterSnapshot`. */
export class Denied extends RolloutError {
  override readonly name = 'Denied'
  readonly permission: string

  constructor(permission: string, cause: unknown) {
    super(`AWS denied ${permission}`, { cause })
    this.permission = permission
  }
}

/** A look that came to nothing: what it would have seen is not known, and must not be taken for good. */
export class NoEvidence extends RolloutError {
  override readonly name = 'NoEvidence'
  /** It would come to nothing again: something has to be changed first. */
  readonly lasting: boolean

  constructor(message: string, options: { readonly lasting: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.lasting = options.lasting
  }
}

/** ECS stopped a task before its image ran. */
export class NeverStarted extends NoEvidence {
  /** In the words of ECS. */
  readonly stoppedReason: string

  constructor(message: string, stoppedReason: string) {
    super(message, { lasting: false })
    this.stoppedReason = stoppedReason
  }
}

/** The sentence to show for anything that was thrown, with the causes it carries. */
export function explain(error: unknown): string {
  const sentences: string[] = []
  for (
    let current: unknown = error;
    current !== undefined && sentences.length < 4;
    current = causeOf(current)
  ) {
    const sentence = sentenceOf(current)
    if (!sentences.some(earlier => earlier.includes(sentence))) sentences.push(sentence)
  }
  return sentences.join(' Cause: ')
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // The SDK's own words for both are about the SDK.
  if (/requestTimeout/.test(error.message)) return 'AWS did not answer within 15 s'
  if (/Deserialization error/.test(error.message))
    return 'something that is not AWS answered in its place: look at the proxy and the endpoint of this runner'
  if (error.message !== '') return error.message
  // AggregateError of a refused connection has an empty message and its reasons inside.
  if (error instanceof AggregateError) return error.errors.map(sentenceOf).join('; ')
  return error.name
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
