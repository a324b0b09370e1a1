import type { AwsError } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'

/**
 * The result of an AWS query operation as XML. A list is an object with one array, by the name of its elements:
 * `{ DBClusters: { DBCluster: [a, b] } }`. Dates are written as ISO 8601.
 */
export function queryResult(call: QueryCall, output: JsonObject, requestId: string): string {
  if (call.service === 'ec2') return ec2Result(call, output, requestId)
  const result = element(`${call.operation}Result`, content(output))
  const metadata = element('ResponseMetadata', element('RequestId', requestId))
  const { operation } = call
  return `<${operation}Response xmlns="${namespaceOf(call)}">${result}${metadata}</${operation}Response>`
}

/** EC2's own variant has no `…Result` in between. */
function ec2Result(call: QueryCall, output: JsonObject, requestId: string): string {
  const inner = element('requestId', requestId) + content(output)
  return `<${call.operation}Response xmlns="${namespaceOf(call)}">${inner}</${call.operation}Response>`
}

export type QueryCall = { readonly service: string; readonly operation: string }

export function queryError(call: QueryCall, error: AwsError, requestId: string): string {
  if (call.service === 'ec2') return ec2Error(error, requestId)
  const type = element('Type', error.status < 500 ? 'Sender' : 'Receiver')
  const inner = type + element('Code', error.code) + element('Message', escapeXml(error.message))
  const body = element('Error', inner) + element('RequestId', requestId)
  return `<ErrorResponse xmlns="${namespaceOf(call)}">${body}</ErrorResponse>`
}

function ec2Error(error: AwsError, requestId: string): string {
  const inner = element('Code', error.code) + element('Message', escapeXml(error.message))
  return element('Response', element('Errors', element('Error', inner)) + element('RequestID', requestId))
}

/** A form's members: `Tags.Tag.1.Key=a` becomes `{ Tags: [{ Key: 'a' }] }`. */
export function queryInput(form: URLSearchParams): JsonObject {
  const root: Nested = {}
  for (const [name, value] of form) place(root, name.split('.'), value)
  return Object.fromEntries(Object.entries(root).map(([name, value]) => [name, plain(value)]))
}

type Nested = { [name: string]: Nested | string }

function place(into: Nested, path: readonly string[], value: string) {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    into[name] = value
    return
  }
  const inner = into[name]
  const next = typeof inner === 'object' ? inner : {}
  into[name] = next
  place(next, rest, value)
}

/** Lists arrive as numbered members, most of them below the name of their elements. */
function plain(value: Nested | string): unknown {
  if (typeof value === 'string') return value
  const names = Object.keys(value)
  if (names.every(name => /^\d+$/.test(name))) return Object.values(value).map(plain)
  const [only] = names
  const inner = names.length === 1 && only !== undefined ? plain(value[only] ?? '') : undefined
  if (Array.isArray(inner)) return inner
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

// xmlNamespace of the official service models.
const NAMESPACES: Readonly<Record<string, string>> = {
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
  ec2: 'http://ec2.amazonaws.com/doc/2016-11-15/',
  rds: 'http://rds.amazonaws.com/doc/2014-10-31/',
}

const namespaceOf = ({ service }: QueryCall) => NAMESPACES[service] ?? ''

function content(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (!isObject(value)) return escapeXml(String(value))
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .flatMap(([name, member]) =>
      (Array.isArray(member) ? member : [member]).map(one => element(name, content(one))),
    )
    .join('')
}

const element = (name: string, inner: string) => `<${name}>${inner}</${name}>`

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
