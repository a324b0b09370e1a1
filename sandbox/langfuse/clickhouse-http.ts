import { type Environment, setVariable } from './environment.ts'

export type ClickHouseAccess = {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly database: string
}

export type ClickHouseClient = {
  /** Rows of a query, as JSONEachRow gives them (64-bit integers come as strings). */
  query(sql: string): Promise<readonly Record<string, unknown>[]>
  /** Runs one statement; a body is the data of an INSERT … FORMAT. */
  execute(sql: string, body?: string): Promise<void>
}

/** A ClickHouse exception: `code` as the server numbers it, `message` without the prefix "Code: N. DB::Exception:". */
export class ClickHouseError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'ClickHouseError'
    this.code = code
  }
}

/** ClickHouse over its HTTP interface. Connection failures are thrown as Node's own errors (with `code`). */
export function clickhouseClient(access: ClickHouseAccess): ClickHouseClient {
  const send = async (sql: string, body: string | undefined, format?: string): Promise<string> => {
    const url = new URL(access.url)
    url.searchParams.set('database', access.database)
    if (format !== undefined) url.searchParams.set('default_format', format)
    if (body !== undefined) url.searchParams.set('query', sql)
    const headers = { 'X-ClickHouse-User': access.user, 'X-ClickHouse-Key': access.password }
    const response = await fetch(url, { method: 'POST', headers, body: body ?? sql }).catch(throwCause)
    const text = await response.text()
    if (response.ok && !response.headers.has('x-clickhouse-exception-code')) return text
    throw exceptionOf(text)
  }
  return {
    query: async sql => rowsOf(await send(sql, undefined, 'JSONEachRow')),
    execute: async (sql, body) => void (await send(sql, body)),
  }
}

/** As CLICKHOUSE_URL and its like say; undefined without it. */
export function clickhouseOf(env: Environment): ClickHouseClient | undefined {
  const url = setVariable(env, 'CLICKHOUSE_URL')
  if (url === undefined) return undefined
  return clickhouseClient({
    url,
    user: env.CLICKHOUSE_USER ?? '',
    password: env.CLICKHOUSE_PASSWORD ?? '',
    database: setVariable(env, 'CLICKHOUSE_DB') ?? 'default',
  })
}

function rowsOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

function exceptionOf(text: string): ClickHouseError {
  const match = /Code: (\d+)\. DB::Exception: (.*?)(?: \([A-Z_]+\))?(?: \(version .*\))?\s*$/s.exec(text)
  return new ClickHouseError(Number(match?.[1] ?? 0), match?.[2] ?? text.trim())
}

// fetch hides the reason ("fetch failed"): what people need is ECONNREFUSED or ENOTFOUND.
function throwCause(error: unknown): never {
  throw typeof error === 'object' && error !== null && 'cause' in error ? error.cause : error
}
