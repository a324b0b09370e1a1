import { RolloutError } from './rollout-error.ts'

/** AWS takes no write because the thing is in another state: at an operation, perhaps our own, or paused. */
export class Busy extends RolloutError {
  override readonly name = 'Busy'
}
