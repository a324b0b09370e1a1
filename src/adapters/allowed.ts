import { Denied } from '../errors/denied.ts'
import { isAwsError } from './once.ts'

/** Makes IAM's refusal of a call name the permission to grant. The query protocol of RDS calls it `AccessDenied`. */
export async function allowed<Value>(permission: string, call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    if (isAwsError(error, 'AccessDenied', 'AccessDeniedException')) throw new Denied(permission, error)
    throw error
  }
}
