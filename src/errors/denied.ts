import { RolloutError } from './rollout-error.ts'

/** The caller's IAM policy does not allow a call. `permission` is what to grant, e.g. `rds:CreateDBClusterSnapshot`. */
export class Denied extends RolloutError {
  override readonly name = 'Denied'
  readonly permission: string

  constructor(permission: string, cause: unknown) {
    super(`AWS denied ${permission}`, { cause })
    this.permission = permission
  }
}
