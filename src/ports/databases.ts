export type Row = Readonly<Record<string, unknown>>

/** One PostgreSQL session. `run` takes one or more statements; the rows are those of the last. */
export type PostgresSession = {
  run(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>
  close(): Promise<void>
}

export type Postgres = {
  /** Where it is, without credentials, for messages. */
  readonly address: string
  connect(): Promise<PostgresSession>
}

/** ClickHouse through its HTTP interface: one statement a call, rows as JSON with 64-bit integers as text. */
export type ClickHouse = {
  readonly address: string
  ping(): Promise<boolean>
  run(sql: string): Promise<readonly Row[]>
}

/** PostgreSQL's SQLSTATE of an error of the driver, if it is one: `55P03` is a lock timeout. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}
