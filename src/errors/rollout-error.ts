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
