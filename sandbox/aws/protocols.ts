import type { IncomingMessage } from 'node:http'
import { AwsError } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'

/** Finds the service and operation of a request by target header, else by path, else by form. */
export function parseRequest(request: IncomingMessage, body: string): Call {
  const target = header(request, 'x-amz-target')
  if (target) return parseTarget(target, body)
  const url = new URL(request.url ?? '/', 'http://sandbox')
  if (url.pathname.startsWith('/2015-02-01/')) return parseEfs(request.method ?? 'GET', url)
  const form = new URLSearchParams(body || url.search)
  const action = form.get('Action')
  if (action)
    return { protocol: 'query', service: scope(request), operation: action, input: Object.fromEntries(form) }
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
  if (call.protocol === 'query') return xml(200, queryResult(call.operation, output, requestId), requestId)
  return json(call, 200, output, requestId)
}

export function encodeError(call: Call, error: AwsError, requestId: string): Answer {
  if (call.protocol === 'query') return xml(error.status, queryError(error, requestId), requestId)
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

const EFS_PATHS: readonly [RegExp, string][] = [
  [/^\/2015-02-01\/file-systems\/?$/, 'DescribeFileSystems'],
  [/^\/2015-02-01\/file-systems\/(?<FileSystemId>[^/]+)\/policy$/, 'DescribeFileSystemPolicy'],
  [/^\/2015-02-01\/mount-targets\/?$/, 'DescribeMountTargets'],
  [
    /^\/2015-02-01\/mount-targets\/(?<MountTargetId>[^/]+)\/security-groups$/,
    'DescribeMountTargetSecurityGroups',
  ],
  [/^\/2015-02-01\/access-points\/?$/, 'DescribeAccessPoints'],
]

function parseEfs(method: string, url: URL): Call {
  const input = Object.fromEntries(url.searchParams)
  for (const [pattern, operation] of EFS_PATHS) {
    const match = pattern.exec(url.pathname)
    if (match && method === 'GET') {
      const fromPath = Object.entries(match.groups ?? {}).map(([k, v]) => [k, decodeURIComponent(v)])
      return {
        protocol: 'rest-json',
        service: 'efs',
        operation,
        input: { ...input, ...Object.fromEntries(fromPath) },
      }
    }
  }
  return { protocol: 'rest-json', service: 'efs', operation: `${method} ${url.pathname}`, input }
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

const STS = 'https://sts.amazonaws.com/doc/2011-06-15/'

function queryResult(operation: string, output: JsonObject, requestId: string): string {
  const members = Object.entries(output).map(([name, value]) => element(name, escapeXml(String(value))))
  const result = element(`${operation}Result`, members.join(''))
  const metadata = element('ResponseMetadata', element('RequestId', requestId))
  return `<${operation}Response xmlns="${STS}">${result}${metadata}</${operation}Response>`
}

function queryError(error: AwsError, requestId: string): string {
  const type = element('Type', error.status < 500 ? 'Sender' : 'Receiver')
  const inner = type + element('Code', error.code) + element('Message', escapeXml(error.message))
  return `<ErrorResponse xmlns="${STS}">${element('Error', inner)}${element('RequestId', requestId)}</ErrorResponse>`
}

const element = (name: string, content: string) => `<${name}>${content}</${name}>`

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
