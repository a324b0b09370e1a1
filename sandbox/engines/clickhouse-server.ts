import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { quoteClickHouseIdentifier, quoteClickHouseLiteral } from '../../src/schema/quote.ts'
import { piecesOf, splitStatements } from '../../src/schema/sql-text.ts'
import { type Connection, type Engine, EngineError, openEngine, type Result } from './clickhouse-engine.ts'
import { contentTypeOf, reservedParameters, statusOf } from './clickhouse-http.ts'

export { LockedFolder } from './clickhouse-engine.ts'

export type ClickHouse = { readonly url: string; readonly port: number; stop(): Promise<void> }

export type ClickHouseOptions = {
  /** Folder of the data (`/var/lib/clickhouse`); locked in `<folder>/status`. */
  readonly folder: string
  /** Default: `default`. */
  readonly user?: string
  /** Default: empty. */
  readonly password?: string
  /** Answered to `SELECT version()`; default: the engine's own. */
  readonly version?: string
  /** Answered to `SELECT hostName()`; default: the machine's own. */
  readonly hostname?: string | undefined
  /** Default: any free one. */
  readonly port?: number
  /** Default: 127.0.0.1. */
  readonly host?: string
}

/**
 * Serves a folder of ClickHouse data in this process through ClickHouse's HTTP interface.
 * Not covered: binary request bodies, LZ4 compression (`compress=1`), KILL QUERY, users and roles.
 * @throws LockedFolder when another process has the folder.
 */
export async function serveClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  const engine = await openEngine(options.folder)
  const host = options.host ?? '127.0.0.1'
  const context: Context = {
    engine,
    sessions: new Map(),
    user: options.user || 'default',
    password: options.password ?? '',
    version: options.version || engine.version,
    hostname: options.hostname,
  }
  const server = createServer((request, response) => void answer(context, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const port = (server.address() as AddressInfo).port
  return {
    url: `http://${host}:${port}`,
    port,
    stop: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
      for (const session of context.sessions.values()) session.connection.close()
      await engine.close()
    },
  }
}

type Context = {
  readonly engine: Engine
  readonly sessions: Map<string, { readonly connection: Connection; busy: boolean }>
  readonly user: string
  readonly password: string
  readonly version: string
  readonly hostname: string | undefined
}

async function answer(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://clickhouse')
  const queryId = url.searchParams.get('query_id') || randomUUID()
  response.setHeader('X-ClickHouse-Server-Display-Name', 'sandbox')
  response.setHeader('X-ClickHouse-Query-Id', queryId)
  response.setHeader('X-ClickHouse-Timezone', 'UTC')
  try {
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') return send(response, 200, 'Ok.\n')
    if (url.pathname !== '/') return send(response, 404, `There is no handle ${request.url}\n\n${usage}`)
    const body = await bodyOf(request)
    const sql = [url.searchParams.get('query') ?? '', body].filter(part => part !== '').join('\n')
    if (sql.trim() === '') return answerNothing(request, response)
    authenticate(context, request, url.searchParams)
    await answerQuery({ context, request, response, parameters: url.searchParams, sql })
  } catch (error) {
    sendError(context, response, error)
  }
}

const usage = 'Use / or /ping for health checks.\nOr /replicas_status for more sophisticated health checks.\n'

function answerNothing(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET' || request.method === 'HEAD') send(response, 200, 'Ok.\n')
  else throw new EngineError(62, 'Code: 62. DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)')
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const raw = await buffer(request)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8')
}

function authenticate(context: Context, request: IncomingMessage, parameters: URLSearchParams): void {
  const [basicUser, basicPassword] = basicOf(request)
  const user = header(request, 'x-clickhouse-user') ?? basicUser ?? parameters.get('user') ?? 'default'
  const password = header(request, 'x-clickhouse-key') ?? basicPassword ?? parameters.get('password') ?? ''
  if (user === context.user && password === context.password) return
  const reason = 'Authentication failed: password is incorrect, or there is no user with such name.'
  throw new EngineError(516, `Code: 516. DB::Exception: ${user}: ${reason} (AUTHENTICATION_FAILED)`)
}

function basicOf(request: IncomingMessage): readonly string[] {
  const encoded = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (encoded === undefined) return []
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

type Query = {
  readonly context: Context
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly parameters: URLSearchParams
  readonly sql: string
}

async function answerQuery(query: Query): Promise<void> {
  const { context, request, response, parameters } = query
  const isInsert = /^\s*INSERT\b/i.test(stripComments(query.sql))
  const sql = isInsert ? query.sql : oneStatement(inItsPlace(query.sql, context))
  const asked = header(request, 'x-clickhouse-format') ?? parameters.get('default_format') ?? 'TabSeparated'
  const result = await withConnection(query, async connection => {
    for (const statement of preparation(query)) await connection.run(statement, 'TSV')
    return connection.run(sql, asked)
  })
  const format = (isInsert ? undefined : formatOf(sql)) ?? asked
  response.setHeader('X-ClickHouse-Format', format)
  response.setHeader('Content-Type', contentTypeOf(format))
  response.setHeader('X-ClickHouse-Summary', summaryOf(result))
  const zipped =
    parameters.get('enable_http_compression') === '1' && /gzip/.test(request.headers['accept-encoding'] ?? '')
  if (zipped) response.setHeader('Content-Encoding', 'gzip')
  response.end(zipped ? gzipSync(result.bytes) : result.bytes)
}

/** The database, parameters and settings of one query, as statements on its own connection. */
function preparation({ request, parameters }: Query): string[] {
  const database = header(request, 'x-clickhouse-database') ?? parameters.get('database')
  const settings = [...parameters]
    .filter(([name]) => !reservedParameters.has(name))
    .map(([name, value]) => `${quoteClickHouseIdentifier(name)} = ${quoteClickHouseLiteral(value)}`)
  return [
    `USE ${quoteClickHouseIdentifier(database || 'default')}`,
    // GET must not change anything: https://clickhouse.com/docs/interfaces/http
    ...(request.method === 'GET' ? ['SET readonly = 2'] : []),
    ...(settings.length === 0 ? [] : [`SET ${settings.join(', ')}`]),
  ]
}

/** A session (`session_id`) keeps its connection until the server stops; everything else gets a fresh one. */
async function withConnection(
  query: Query,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const { engine, sessions } = query.context
  const id = query.parameters.get('session_id')
  const session = (id && sessions.get(id)) || { connection: engine.connect(), busy: false }
  if (session.busy) {
    throw new EngineError(
      373,
      `Code: 373. DB::Exception: Session ${id} is locked by a concurrent client. (SESSION_IS_LOCKED)`,
    )
  }
  if (id) sessions.set(id, session)
  session.busy = true
  try {
    return await use(session.connection)
  } finally {
    session.busy = false
    if (!id) session.connection.close()
  }
}

function stripComments(sql: string): string {
  return piecesOf(sql, 'clickhouse')
    .map(piece => (piece.kind === 'comment' ? ' ' : piece.text))
    .join('')
}

/** `version()` and `hostName()` answer what this server plays, under their own names. */
function inItsPlace(sql: string, { version, hostname }: Context): string {
  const instead = (text: string, name: RegExp, value: string) =>
    text.replace(name, call => `(${quoteClickHouseLiteral(value)} AS \`${call}\`)`)
  return piecesOf(sql, 'clickhouse')
    .map(({ kind, text }) => {
      if (kind !== 'code') return text
      const versioned = instead(text, /\bversion\s*\(\s*\)/gi, version)
      return hostname === undefined ? versioned : instead(versioned, /\bhostName\s*\(\s*\)/g, hostname)
    })
    .join('')
}

/** chdb runs several statements in a query, a server does not. */
function oneStatement(sql: string): string {
  if (splitStatements(sql, 'clickhouse').length <= 1) return sql
  throw new EngineError(
    62,
    'Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)',
  )
}

function formatOf(sql: string): string | undefined {
  return /\bFORMAT\s+([A-Za-z]\w*)\s*(?:SETTINGS\b[\s\S]*)?;?\s*$/i.exec(stripComments(sql))?.[1]
}

function summaryOf(result: Result): string {
  return JSON.stringify({
    read_rows: String(result.rowsRead),
    read_bytes: String(result.bytesRead),
    written_rows: '0',
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: String(result.bytes.length),
    elapsed_ns: String(Math.round(result.seconds * 1e9)),
  })
}

function sendError(context: Context, response: ServerResponse, error: unknown): void {
  const known =
    error instanceof EngineError
      ? error
      : new EngineError(1001, `Code: 1001. DB::Exception: ${String(error)}. (STD_EXCEPTION)`, error)
  response.setHeader('X-ClickHouse-Exception-Code', String(known.code))
  const text = known.message.replaceAll(context.engine.version, context.version)
  send(response, statusOf(known.code), `${text} (version ${context.version} (official build))\n`)
}

function send(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status
  if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  response.end(text)
}
