import { Denied } from '../errors/errors.ts'
import { isAwsError } from './once.ts'

/** Makes IAM's refusal of a call name the permission to grant. RDS calls it `AccessDenied`, EC2 otherwise too. */
export async function allowed<Value>(permission: string, call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    if (isAwsError(error, 'AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'))
      throw new Denied(permission, error)
    throw error
  }
}
