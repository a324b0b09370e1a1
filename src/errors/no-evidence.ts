import { RolloutError } from './rollout-error.ts'

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
