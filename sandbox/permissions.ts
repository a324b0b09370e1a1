import { appendFileSync, readFileSync } from 'node:fs'
import type { RecordedRequest } from './aws/server.ts'

/** The policies of docs/iam that are generated from the record of calls. */
export const POLICIES = ['verify', 'agent', 'deploy', 'rollback'] as const
export type PolicyName = (typeof POLICIES)[number]

type Run = { readonly action: string; readonly inputs: Readonly<Record<string, string>> }
type Call = Pick<RecordedRequest, 'service' | 'operation'>

/**
 * Throws when a run has called an operation of AWS that the policies of its role do not allow. While calls are
 * recorded (`npm run aws-calls`) it appends them to the record instead, each with the last of those policies.
 */
export function checkPermissions(run: Run, calls: readonly Call[]): void {
  const policies = policiesFor(run)
  const called = [...new Set(calls.map(permissionOf))].sort()
  const record = process.env['AWS_CALLS_RECORD']
  if (record !== undefined) {
    appendFileSync(record, called.map(permission => `${policies.at(-1)} ${permission}\n`).join(''))
    return
  }
  const allowed = new Set(policies.flatMap(permissionsIn))
  const denied = called.filter(permission => !allowed.has(permission))
  if (denied.length === 0) return
  const files = policies.map(name => `docs/iam/${name}.json`).join(' and ')
  throw new Error(
    `A run of ${run.action} called ${denied.join(', ')}, not allowed by ${files}: run \`npm run aws-calls\`.`,
  )
}

/** Of the role that a run has by docs/iam/README.md: what only reads needs no more than verify's, and the agent's. */
function policiesFor({ action, inputs }: Run): readonly PolicyName[] {
  if ((action === 'deploy' || action === 'rollback') && inputs['dry-run'] !== 'true') return [action]
  const direct = ['database-url', 'clickhouse-url', 'redis-url'].some(name => inputs[name])
  return direct ? ['verify'] : ['verify', 'agent']
}

/** IAM's name of a call. */
export function permissionOf({ service, operation }: Call): string {
  return `${service === 'efs' ? 'elasticfilesystem' : service}:${operation}`
}

export function permissionsIn(policy: PolicyName): readonly string[] {
  const text = readFileSync(new URL(`../docs/iam/${policy}.json`, import.meta.url), 'utf8')
  const { Statement } = JSON.parse(text) as { Statement: readonly { Action: readonly string[] }[] }
  return [...new Set(Statement.flatMap(({ Action }) => Action))].sort()
}
