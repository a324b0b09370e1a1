import type { IncomingMessage } from 'node:http'
import { AwsError } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'
import { queryError, queryInput, queryResult } from './query.ts'

/** Finds the service and operation of a request by target header, else by path, else by form. */
export function parseRequest(request: IncomingMessage, body: string): Call {
  const target = header(request, 'x-amz-target')
  if (target) return parseTarget(target, body)
  const url = new URL(request.url ?? '/', 'http://sandbox')
  if (url.pathname.startsWith('/2015-02-01/')) return parseRest('efs', request, { url, body })
  if (scope(request) === 'backup') return parseRest('backup', request, { url, body })
  const form = new URLSearchParams(body || url.search)
  const action = form.get('Action')
  if (action)
    return { protocol: 'query', service: scope(request), operation: action, input: queryInput(form) }
  const operation = `${request.method} ${url.pathname}`
  return { protocol: 'json', service: scope(request), operation, input: {} }
}

export type Call = {
  readonly protocol: 'json' | 'rest-json' | 'query'
  readonly service: string
  readonly operation: string
  readonly input: JsonObject
}

export type Answer = {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** Encodes an operation's result; dates become seconds since 1970, as every JSON service here wants them. */
export function encodeResult(call: Call, output: JsonObject, requestId: string): Answer {
  if (call.protocol === 'query') return xml(200, queryResult(call, output, requestId), requestId)
  return json(call, 200, output, requestId)
}

export function encodeError(call: Call, error: AwsError, requestId: string): Answer {
  if (call.protocol === 'query') return xml(error.status, queryError(call, error, requestId), requestId)
  const answer = json(call, error.status, errorBody(call, error), requestId)
  return { ...answer, headers: { ...answer.headers, 'x-amzn-errortype': error.code } }
}

// Prefixes of X-Amz-Target, from the official service models; App Runner is JSON 1.0, the others 1.1.
const TARGETS: Readonly<Record<string, string>> = {
  AmazonEC2ContainerServiceV20141113: 'ecs',
  AppRunner: 'apprunner',
  Route53AutoNaming_v20170314: 'servicediscovery',
  AmazonEC2ContainerRegistry_V20150921: 'ecr',
  Logs_20140328: 'logs',
}

const SHAPES: Readonly<Record<string, string>> = {
  ecs: 'com.amazonaws.ecs#',
  apprunner: 'com.amazonaws.apprunner#',
}

function parseTarget(target: string, body: string): Call {
  const [prefix = '', operation = ''] = target.split('.')
  return { protocol: 'json', service: TARGETS[prefix] ?? prefix, operation, input: parseJson(body) }
}

function parseJson(body: string): JsonObject {
  if (body === '') return {}
  try {
    const value: unknown = JSON.parse(body)
    if (isObject(value)) return value
  } catch {
    // The same answer for what is no JSON and for JSON that is no object.
  }
  throw new AwsError('SerializationException', 'The request body is no JSON object')
}

/** Method and path of each REST operation, from the official service models; named groups are its members. */
const REST_PATHS: Readonly<Record<'efs' | 'backup', readonly [string, RegExp, string][]>> = {
  efs: [
    ['GET', /^\/2015-02-01\/file-systems\/?$/, 'DescribeFileSystems'],
    ['GET', /^\/2015-02-01\/file-systems\/(?<FileSystemId>[^/]+)\/policy$/, 'DescribeFileSystemPolicy'],
    ['GET', /^\/2015-02-01\/mount-targets\/?$/, 'DescribeMountTargets'],
    [
      'GET',
      /^\/2015-02-01\/mount-targets\/(?<MountTargetId>[^/]+)\/security-groups$/,
      'DescribeMountTargetSecurityGroups',
    ],
    ['GET', /^\/2015-02-01\/access-points\/?$/, 'DescribeAccessPoints'],
  ],
  backup: [
    ['PUT', /^\/backup-jobs\/?$/, 'StartBackupJob'],
    ['GET', /^\/backup-jobs\/(?<BackupJobId>[^/]+)$/, 'DescribeBackupJob'],
    ['GET', /^\/backup-vaults\/?$/, 'ListBackupVaults'],
    ['GET', /^\/backup-vaults\/(?<BackupVaultName>[^/]+)$/, 'DescribeBackupVault'],
    ['GET', /^\/resources\/(?<ResourceArn>.+)\/recovery-points\/?$/, 'ListRecoveryPointsByResource'],
  ],
}

function parseRest(
  service: keyof typeof REST_PATHS,
  request: IncomingMessage,
  { url, body }: { url: URL; body: string },
): Call {
  const input = { ...Object.fromEntries(url.searchParams), ...parseJson(body) }
  for (const [method, pattern, operation] of REST_PATHS[service]) {
    const match = method === request.method ? pattern.exec(url.pathname) : null
    if (!match) continue
    const fromPath = Object.entries(match.groups ?? {}).map(([k, v]) => [k, decodeURIComponent(v)])
    return {
      protocol: 'rest-json',
      service,
      operation,
      input: { ...input, ...Object.fromEntries(fromPath) },
    }
  }
  return { protocol: 'rest-json', service, operation: `${request.method} ${url.pathname}`, input }
}

function scope(request: IncomingMessage): string {
  const match = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\/aws4_request/.exec(
    header(request, 'authorization') ?? '',
  )
  return match?.[1] ?? 'unknown'
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function errorBody(call: Call, error: AwsError): JsonObject {
  if (call.service === 'efs') return { ErrorCode: error.code, Message: error.message }
  if (call.service === 'backup') return { Code: error.code, Message: error.message }
  const type = `${SHAPES[call.service] ?? ''}${error.code}`
  const upper = call.service === 'apprunner' || call.service === 'servicediscovery'
  return { __type: type, [upper ? 'Message' : 'message']: error.message }
}

function json(call: Call, status: number, body: JsonObject, requestId: string): Answer {
  const type = call.protocol === 'rest-json' ? 'json' : `x-amz-json-1.${call.service === 'apprunner' ? 0 : 1}`
  return {
    status,
    headers: { 'content-type': `application/${type}`, 'x-amzn-requestid': requestId },
    body: JSON.stringify(seconds(body)),
  }
}

function seconds(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000
  if (Array.isArray(value)) return value.map(seconds)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, seconds(member)]))
}

function xml(status: number, body: string, requestId: string): Answer {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body }
}
