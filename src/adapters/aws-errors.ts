import { AwsFailure } from '../errors/errors.ts'

/** One call to AWS: https://github.com/aws/aws-sdk-js-v3#middleware-stack */
type Handler = (args: object) => Promise<object>
type Context = { readonly clientName?: string; readonly commandName?: string }
type Stack = {
  add(
    middleware: (next: Handler, context: Context) => Handler,
    options: { readonly step: 'initialize'; readonly priority: 'high'; readonly name: string },
  ): void
}

/** Lets a client's calls fail with one sentence where the SDK's own message does not say what to do. */
export function explaining(client: { readonly middlewareStack: unknown }): void {
  const stack = client.middlewareStack as Stack
  stack.add(
    (next, context) => async args => {
      try {
        return await next(args)
      } catch (error) {
        throw failureOf(error, callOf(context)) ?? error
      }
    },
    { step: 'initialize', priority: 'high', name: 'explaining' },
  )
}

/** Their names in the console, where the SDK has others. */
const SERVICES: Readonly<Record<string, string>> = {
  AppRunner: 'App Runner',
  Backup: 'AWS Backup',
  CloudWatchLogs: 'CloudWatch Logs',
  ServiceDiscovery: 'Cloud Map',
}

type Call = { readonly service: string; readonly operation: string }

function callOf({ clientName = '', commandName = '' }: Context): Call {
  const client = clientName.replace(/Client$/, '')
  return { service: SERVICES[client] ?? client, operation: commandName.replace(/Command$/, '') }
}

/** undefined: AWS's own answer, which says what is wrong. */
export function failureOf(error: unknown, call: Call): AwsFailure | undefined {
  if (!(error instanceof Error)) return undefined
  const sentence =
    credentials(error, call) ?? unreached(error, call) ?? notAws(error, call) ?? outage(error, call)
  return sentence === undefined ? undefined : new AwsFailure(sentence, { cause: error })
}

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html; names differ between services. */
const EXPIRED = /^(ExpiredToken|RequestExpired)/
const UNKNOWN =
  /^(UnrecognizedClient|InvalidClientTokenId|InvalidToken|InvalidAccessKeyId|AuthFailure|MissingAuthenticationToken|IncompleteSignature)/
const UNSIGNED = /^(InvalidSignature|SignatureDoesNotMatch|RequestTimeTooSkewed)/

function credentials(error: Error, call: Call): string | undefined {
  const { name, message } = error
  const at = `${call.service} ${call.operation}, ${httpOf(error)}`
  if (EXPIRED.test(name))
    return `The AWS credentials of this job have expired (${at}). Run aws-actions/configure-aws-credentials again, with a longer \`role-duration-seconds\`, then run this action again.`
  if (UNKNOWN.test(name))
    return `AWS does not accept the credentials of this job (${at}: ${name}). Run aws-actions/configure-aws-credentials with this stack's role in an earlier step.`
  if (!UNSIGNED.test(name)) return undefined
  return name === 'RequestTimeTooSkewed' || /expired|not yet current/i.test(message)
    ? `The clock of this runner is wrong, so AWS refuses its signature (${at}: ${message}). Synchronise the clock, then run again.`
    : `AWS refuses the signature of this job's credentials (${at}): the secret key does not belong to the access key. Set both again.`
}

/** Node's codes: https://nodejs.org/api/errors.html#common-system-errors */
const NAME = /^(ENOTFOUND|EAI_AGAIN)$/
const CONNECTION = /^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)$/
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ALTNAME/

function unreached(error: Error, { service, operation }: Call): string | undefined {
  const code = codeOf(error)
  const what = `${service} did not answer ${operation}`
  if (NAME.test(code))
    return `${what}: the name of its endpoint does not resolve (${code}). Check input \`aws-region\`, this runner's DNS and AWS_ENDPOINT_URL.`
  if (CERTIFICATE.test(code))
    return `${what}: its certificate is not trusted (${code}), mostly because a proxy reads the traffic. Set NODE_EXTRA_CA_CERTS to the proxy's certificate authority.`
  if (/requestTimeout/.test(error.message))
    return `${what} within 15 s. Check this runner's way to AWS (proxy, firewall, VPC endpoint), then run again.`
  if (!CONNECTION.test(code) && error.name !== 'TimeoutError') return undefined
  return `${what}: there is no connection (${code || error.message}). Check this runner's way to AWS (proxy, firewall, VPC endpoint), then run again.`
}

/** The SDK may wrap an error without its code, which the message contains. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code
  if (/socket hang up/.test(error.message)) return 'ECONNRESET'
  return /\bE[A-Z_]{4,}\b/.exec(error.message)?.[0] ?? ''
}

function notAws(error: Error, { service, operation }: Call): string | undefined {
  if (!/Deserialization error|Unexpected token|not valid JSON/.test(error.message)) return undefined
  return `Not ${service} but another server answered ${operation} (${httpOf(error)}), or ${service} is disturbed. Check this runner's proxy and AWS_ENDPOINT_URL, then run again.`
}

function outage(error: Error, { service, operation }: Call): string | undefined {
  if (!(statusOf(error) >= 500)) return undefined
  return `${service} failed at ${operation} in every attempt (${httpOf(error)}: ${error.name}). Check https://health.aws.amazon.com, then run again.`
}

function httpOf(error: object): string {
  const status = statusOf(error)
  return Number.isNaN(status) ? 'no answer' : `HTTP ${status}`
}

/** NaN: there was no answer. */
function statusOf(error: object): number {
  const metadata =
    '$metadata' in error ? (error.$metadata as { httpStatusCode?: unknown } | undefined) : undefined
  const response =
    '$response' in error ? (error.$response as { statusCode?: unknown } | undefined) : undefined
  return Number(metadata?.httpStatusCode ?? response?.statusCode ?? Number.NaN)
}
