/**
 * An error that a person can act on. `message` says what failed, on which thing, and what to do now. Any other error is
 * a defect of this action and is reported as one.
 */
export class RolloutError extends Error {
  override readonly name: string = 'RolloutError'
}

/** Invalid inputs, one sentence each, found before any call to AWS. */
export class BadInput extends RolloutError {
  override readonly name = 'BadInput'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** The run was cancelled or its deadline passed while a change was still in progress. */
export class Interrupted extends RolloutError {
  override readonly name = 'Interrupted'
}

/** AWS refuses a write because the resource is paused or has another operation in progress. */
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

/** A call to AWS that got no answer from AWS, or no valid credentials. The message is complete: it contains the cause. */
export class AwsFailure extends RolloutError {
  override readonly name = 'AwsFailure'
}

/** GitHub refused or did not answer. The message names the remedy. */
export class GitHubFailure extends RolloutError {
  override readonly name = 'GitHubFailure'
  readonly kind: 'rate-limit' | 'denied' | 'outage'
  /** Epoch milliseconds from which GitHub accepts requests again, where it says so. */
  readonly retryAt: number | undefined

  constructor(
    message: string,
    about: {
      readonly kind: GitHubFailure['kind']
      readonly retryAt?: number | undefined
      readonly cause: unknown
    },
  ) {
    super(message, { cause: about.cause })
    this.kind = about.kind
    this.retryAt = about.retryAt
  }
}

/** The name of an AWS service's endpoint in this region has no address for this runner. */
export class NoEndpoint extends RolloutError {
  override readonly name = 'NoEndpoint'
}

/** An observation that failed: its subject is unknown, and must not count as healthy. */
export class NoEvidence extends RolloutError {
  override readonly name = 'NoEvidence'
  /** It would fail again until a person changes something. */
  readonly lasting: boolean

  constructor(message: string, options: { readonly lasting: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.lasting = options.lasting
  }
}

/** ECS stopped a task before its image ran. */
export class NeverStarted extends NoEvidence {
  /** ECS's own text. */
  readonly stoppedReason: string

  constructor(message: string, stoppedReason: string) {
    super(message, { lasting: false })
    this.stoppedReason = stoppedReason
  }
}

/** The permission that IAM did not grant to this run, where an error or one of its causes names it. */
export function deniedPermission(error: unknown): string | undefined {
  if (error instanceof Denied) return error.permission
  if (!(error instanceof Error)) return undefined
  // A task's log may quote the same words of another role.
  const denial = /AccessDenied|UnauthorizedOperation/.test(error.name) ? error.message : ''
  return /not authorized to perform: ([\w:-]+)/.exec(denial)?.[1] ?? deniedPermission(error.cause)
}

/** The sentence that users see for a thrown value, with its causes. */
export function explain(error: unknown): string {
  const sentences: string[] = []
  for (
    let current: unknown = error;
    current !== undefined && sentences.length < 4;
    current = causeOf(current)
  ) {
    const sentence = sentenceOf(current)
    if (!sentences.some(earlier => earlier.includes(sentence))) sentences.push(sentence)
    if (current instanceof AwsFailure) break
  }
  return sentences
    .map((sentence, at) => (at < sentences.length - 1 ? withFullStop(sentence) : sentence))
    .join(' Cause: ')
}

function withFullStop(sentence: string): string {
  return /[.!?:;]$/.test(sentence) ? sentence : `${sentence}.`
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  // The AggregateError of a refused connection has an empty message; its errors have the reasons.
  if (error instanceof AggregateError) return error.errors.map(sentenceOf).join('; ')
  return error.name
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
