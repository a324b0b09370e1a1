import { AwsError } from './errors.ts'
import { arn, type Ids } from './ids.ts'
import { isObject } from './json.ts'

/** Secrets Manager values for containers; there is no API for them yet. */
export function makeSecrets(ids: Ids): Secrets {
  const values = new Map<string, string>()
  return {
    put: (name, value) => {
      const secret = arn('secretsmanager', `secret:${name}-${ids.base32(6)}`)
      values.set(secret, value)
      return secret
    },
    read: reference => readSecret(values, reference),
  }
}

export type Secrets = {
  /** Stores a value; answers the secret's ARN. */
  put(name: string, value: string): string
  /** The value behind an ARN, or behind `ARN:json-key::` as task definitions write it. */
  read(reference: string): string
}

function readSecret(values: ReadonlyMap<string, string>, reference: string): string {
  const parts = reference.split(':')
  const value = values.get(parts.slice(0, 7).join(':'))
  if (value === undefined)
    throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
  const key = parts[7]
  if (!key) return value
  const parsed: unknown = JSON.parse(value)
  const member = isObject(parsed) ? parsed[key] : undefined
  if (typeof member !== 'string')
    throw new AwsError('ResourceNotFoundException', `retrieved secret did not contain json key ${key}`)
  return member
}
