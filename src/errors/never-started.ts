import { NoEvidence } from './no-evidence.ts'

/** ECS stopped a task before its image ran. */
export class NeverStarted extends NoEvidence {
  /** In the words of ECS. */
  readonly stoppedReason: string

  constructor(message: string, stoppedReason: string) {
    super(message, { lasting: false })
    this.stoppedReason = stoppedReason
  }
}
