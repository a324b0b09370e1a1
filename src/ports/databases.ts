export type Row = Readonly<Record<string, unknown>>

/** One PostgreSQL session. `run` takes one or more statements; the rows are those of the last. */
export type PostgresSession = {
  run(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>
  close(): Promise<void>
}

export type Postgres = {
  /** Without credentials, for messages. */
  readonly address: string
  readonly at: DatabaseAddress
  connect(): Promise<PostgresSession>
}

/** What a connection's URL names; the host in lower case. */
export type DatabaseAddress = {
  readonly host: string
  readonly port: number
  readonly database: string
  /** Prisma's `?schema=`, by default `public`. */
  readonly schema: string
}

/** What the driver and Prisma read from a URL. */
export function addressIn({ hostname, port, pathname, searchParams }: URL): DatabaseAddress {
  return {
    host: hostname.toLowerCase(),
    port: Number(port || 5432),
    database: decodeURIComponent(pathname.replace(/^\//, '')),
    schema: searchParams.get('schema') || 'public',
  }
}

/** ClickHouse through its HTTP interface: one statement a call, rows as JSON with 64-bit integers as text. */
export type ClickHouse = {
  readonly address: string
  ping(options?: QueryOptions): Promise<boolean>
  run(sql: string, options?: QueryOptions): Promise<readonly Row[]>
}

/** One minute by default; statements that copy or rewrite a table need more. */
type QueryOptions = { readonly timeoutMs?: number }

/** A reply of Valkey: an error reply is thrown. */
export type ValkeyReply = string | number | null | readonly ValkeyReply[]

/** Valkey or Redis: one connection, one command a call. */
export type ValkeySession = {
  run(...command: readonly string[]): Promise<ValkeyReply>
  close(): void
}

export type Valkey = {
  readonly address: string
  /** Prefix of BullMQ's keys: REDIS_KEY_PREFIX, or `bull`. */
  readonly prefix: string
  connect(): Promise<ValkeySession>
}

/** The SQLSTATE of a driver's error, if it has one: `55P03` is a lock timeout. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}

/**
 * PostgreSQL's notes on an error: its hint, the failed statement of a function, and what depends on an object. Other
 * details contain values of rows, which must not be logged.
 */
export function sqlNotes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const { detail, hint, where } = error as { detail?: unknown; hint?: unknown; where?: unknown }
  const at = typeof where === 'string' ? /^SQL statement "(.{1,300}?)"?$/m.exec(where)?.[1] : undefined
  return [
    sqlState(error) === DEPENDENT_OBJECTS ? detail : undefined,
    hint,
    at && `At the statement: ${at}`,
  ].filter(note => typeof note === 'string')
}

/** https://www.postgresql.org/docs/15/errcodes-appendix.html: dependent_objects_still_exist */
const DEPENDENT_OBJECTS = '2BP01'

/** The root (`.`) of ClickHouse's volume and the ClickHouse files in it, with their owners. */
export type MountedFiles = {
  readonly entries: readonly MountedFile[]
  /** Number of all files in the root. */
  readonly count: number
  /** Bytes. */
  readonly free: number
}

export type MountedFile = {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** Permission bits. */
  readonly mode: number
}
