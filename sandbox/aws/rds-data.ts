import { Client, type QueryArrayResult, types } from 'pg'
import type { Clock } from './clock.ts'
import { AwsError } from './errors.ts'
import type { Ids } from './ids.ts'
import { isObject } from './json.ts'
import type { DbCluster, Rds } from './rds.ts'
import type { Secrets } from './secrets.ts'

/**
 * The Data API in front of a real PostgreSQL, with the limits of the real one: one statement a call, nothing that
 * outlasts a call but a transaction (each call outside of one has a connection of its own), results of some types only.
 */
export function makeDataApi(parts: DataApiParts): DataApi {
  const { ids, clock, patienceSeconds } = parts
  const transactions = new Map<string, Transaction>()
  const clients = new Set<Client>()
  const limits: Limits = {
    idleSeconds: Math.max(180, patienceSeconds * clock.speed),
    callMs: 45_000,
    sqlBytes: 65_536,
    resultBytes: 1024 * 1024,
    rowBytes: 64 * 1024,
  }

  const connect = async (at: Target) => {
    const client = new Client({
      connectionString: engineOf(parts, at),
      application_name: 'data-api',
      options: '-c timezone=UTC',
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
    } catch (error) {
      throw databaseError(error)
    }
    clients.add(client)
    return client
  }
  const leave = async (client: Client) => {
    clients.delete(client)
    await client.end().catch(() => undefined)
  }

  const end = async (id: string, sql: 'COMMIT' | 'ROLLBACK') => {
    const transaction = wanted(transactions, id)
    if (transaction.running) throw stillRunning()
    transactions.delete(id)
    transaction.forget()
    try {
      await transaction.client.query(sql)
    } catch (error) {
      throw databaseError(error)
    } finally {
      await leave(transaction.client)
    }
  }

  const expire = (id: string) =>
    clock.after(limits.idleSeconds, () => {
      const transaction = transactions.get(id)
      transactions.delete(id)
      if (transaction) void leave(transaction.client)
    })

  return {
    limits,
    transactions,
    async begin(at) {
      const client = await connect(at)
      await client.query('BEGIN')
      const id = Buffer.from(ids.uuid()).toString('base64')
      transactions.set(id, { client, running: false, forget: expire(id) })
      return id
    },
    commit: id => end(id, 'COMMIT'),
    rollback: id => end(id, 'ROLLBACK'),
    async execute(request) {
      validate(request.sql, request.texts, limits)
      if (request.transaction === undefined) {
        const client = await connect(request.at)
        return answer(client, request, limits, () => leave(client))
      }
      const id = request.transaction
      const transaction = wanted(transactions, id)
      if (transaction.running) throw stillRunning()
      transaction.running = true
      transaction.forget()
      return answer(transaction.client, request, limits, async () => {
        transaction.running = false
        if (transactions.has(id)) transaction.forget = expire(id)
      })
    },
    async stop() {
      await Promise.all([...clients].map(leave))
    },
  }
}

export type DataApiParts = {
  readonly ids: Ids
  readonly clock: Clock
  readonly rds: Rds
  readonly secrets: Secrets
  /** Real seconds that a real program gets, however fast the clock runs. */
  readonly patienceSeconds: number
}

export type DataApi = {
  /** A test may make them tighter. */
  readonly limits: Limits
  readonly transactions: ReadonlyMap<string, unknown>
  begin(at: Target): Promise<string>
  commit(transaction: string): Promise<void>
  rollback(transaction: string): Promise<void>
  execute(request: Statement): Promise<QueryArrayResult<(string | null)[]>>
  stop(): Promise<void>
}

type Limits = {
  /** Virtual seconds after the last call of a transaction. */
  idleSeconds: number
  /** Real time that a call waits for its statement. */
  callMs: number
  sqlBytes: number
  resultBytes: number
  rowBytes: number
}

/** What every call names. */
export type Target = {
  readonly cluster: string
  readonly secret: string
  readonly database?: string | undefined
}

export type Statement = {
  readonly at: Target
  readonly sql: string
  readonly transaction?: string | undefined
  /** Parameters by name, all of them texts. */
  readonly texts: Readonly<Record<string, string>>
  readonly continueAfterTimeout: boolean
}

type Transaction = { readonly client: Client; running: boolean; forget(): void }

/** https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api-operations.html: the types of a result. */
const KNOWN_TYPES: ReadonlySet<number> = new Set([
  16, 17, 20, 21, 23, 25, 114, 700, 701, 790, 829, 650, 869, 1043, 1082, 1083, 1114, 1184, 1700, 2950, 3802,
  // arrays of them
  1000, 1001, 1005, 1007, 1009, 1015, 1016, 1021, 1022, 1115, 1182, 1185, 1231, 2951,
])

async function answer(
  client: Client,
  request: Statement,
  limits: Limits,
  over: () => Promise<void>,
): Promise<QueryArrayResult<(string | null)[]>> {
  const names = Object.keys(request.texts)
  const text = names.reduce(
    (sql, name, index) => sql.replaceAll(new RegExp(`(?<!:):${name}\\b`, 'g'), `$${index + 1}`),
    request.sql,
  )
  const work = client.query<(string | null)[]>({
    text,
    values: Object.values(request.texts),
    rowMode: 'array',
    queryMode: 'extended',
    types: { getTypeParser: () => (value: string) => value },
  } as never) as unknown as Promise<QueryArrayResult<(string | null)[]>>
  const ended = work.finally(over)
  ended.catch(() => undefined) // also when the call has been answered before it
  try {
    const result = await within(limits.callMs, ended)
    if (result === undefined) return await timedOut(client, request)
    demandKnownTypes(result)
    demandSize(result, limits)
    return result
  } catch (error) {
    throw error instanceof AwsError ? error : databaseError(error)
  }
}

async function timedOut(client: Client, request: Statement): Promise<never> {
  if (!request.continueAfterTimeout) await cancel(client)
  throw new AwsError('StatementTimeoutException', 'Request timed out')
}

async function cancel(client: Client): Promise<void> {
  const { processID, connectionParameters } = client as unknown as {
    processID: number
    connectionParameters: { host: string; port: number; user: string; password: string; database: string }
  }
  const other = new Client({ ...connectionParameters })
  await other.connect()
  await other.query('SELECT pg_cancel_backend($1)', [processID])
  await other.end()
}

async function within<Value>(ms: number, work: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function validate(sql: string, texts: Readonly<Record<string, string>>, limits: Limits): void {
  if (Buffer.byteLength(sql) > limits.sqlBytes) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'sql' failed to satisfy constraint: Member must have length less than or equal to ${limits.sqlBytes}`,
    )
  }
  if (/^\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT)\b(?!\s+TO\b)/i.test(sql)) {
    throw new AwsError('ValidationException', 'Transactions are begun and ended with calls of their own.')
  }
  // Whether the real one looks into strings is not documented, so nothing that looks like a parameter may be anywhere.
  const named = [...sql.matchAll(/(?<!:):([A-Za-z_]\w*)/g)].map(([, name = '']) => name)
  const unknown = named.find(name => texts[name] === undefined)
  if (unknown !== undefined) {
    throw new AwsError('BadRequestException', `Cannot find parameter: ${unknown}`)
  }
}

function demandKnownTypes(result: QueryArrayResult<unknown[]>): void {
  // Types of a database's own are its enums.
  const odd = result.fields?.find(({ dataTypeID }) => dataTypeID < 16_384 && !KNOWN_TYPES.has(dataTypeID))
  if (odd === undefined) return
  const name = Object.entries(types.builtins).find(([, id]) => Number(id) === odd.dataTypeID)?.[0]
  throw new AwsError(
    'UnsupportedResultException',
    `The result contains the unsupported data type "${name ?? odd.dataTypeID}".`,
  )
}

function demandSize(result: QueryArrayResult<(string | null)[]>, limits: Limits): void {
  const sizes = result.rows.map(row =>
    row.reduce((sum, value) => sum + (value === null ? 4 : Buffer.byteLength(value)), 0),
  )
  if (sizes.some(size => size > limits.rowBytes)) {
    throw new AwsError('UnsupportedResultException', 'Database returned a row larger than 64 KB')
  }
  if (sizes.reduce((sum, size) => sum + size, 0) > limits.resultBytes) {
    throw new AwsError(
      'UnsupportedResultException',
      'Database returned more than the allowed response size limit',
    )
  }
}

function engineOf({ rds, secrets }: DataApiParts, { cluster: arn, secret, database }: Target): string {
  const cluster = [...rds.clusters.values()].find(candidate => candidate.arn === arn)
  if (cluster?.engineUrl === undefined) {
    throw new AwsError('DatabaseNotFoundException', `DbCluster ${arn} is not found.`, 404)
  }
  demandEndpoint(cluster)
  const { username, password } = credentials(secrets, secret)
  const url = new URL(cluster.engineUrl)
  url.username = username
  url.password = encodeURIComponent(password)
  url.pathname = `/${database ?? cluster.databaseName}`
  return url.href
}

function demandEndpoint(cluster: DbCluster): void {
  if (cluster.httpEndpoint) return
  throw new AwsError(
    'HttpEndpointNotEnabledException',
    `HttpEndpoint is not enabled for resource ${cluster.arn}`,
  )
}

function credentials(secrets: Secrets, arn: string) {
  let value: unknown
  try {
    value = JSON.parse(secrets.read(arn))
  } catch (error) {
    throw error instanceof AwsError
      ? new AwsError('SecretsErrorException', 'The provided secret was not found')
      : new AwsError('InvalidSecretException', 'Database credentials cannot be found in the secret')
  }
  const { username, password } = isObject(value) ? value : {}
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw new AwsError('InvalidSecretException', 'Database credentials cannot be found in the secret')
  }
  return { username, password }
}

function wanted(transactions: ReadonlyMap<string, Transaction>, id: string): Transaction {
  const found = transactions.get(id)
  if (found) return found
  throw new AwsError('TransactionNotFoundException', `Transaction ${id} is not found`, 404)
}

const stillRunning = () => new AwsError('DatabaseErrorException', 'Transaction is still running a query')

/** [REPORT] `ERROR: duplicate key value …; Detail: Key (id)=(1) already exists.; SQLState: 23505` */
function databaseError(error: unknown): AwsError {
  const { message = '', detail, hint, position, code } = error as Readonly<Record<string, string | undefined>>
  if (code === '42601' && /multiple commands/.test(message)) {
    return new AwsError('ValidationException', "Multistatements aren't supported.")
  }
  const notes = [
    ['Detail', detail],
    ['Hint', hint],
    ['Position', position],
    ['SQLState', code],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`; ${name}: ${value}`]))
  return new AwsError('DatabaseErrorException', `ERROR: ${message}${notes.join('')}`)
}
