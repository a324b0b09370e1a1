import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Session } from 'chdb'

export type Engine = {
  /** The engine's own version, e.g. `26.7.2.1`. */
  readonly version: string
  /** A connection has settings, parameters and a current database of its own; close it after use (it costs 2 ms). */
  connect(): Connection
  close(): Promise<void>
}

export type Connection = {
  run(sql: string, format: string): Promise<Result>
  close(): void
}

export type Result = {
  readonly bytes: Uint8Array
  readonly rowsRead: number
  readonly bytesRead: number
  readonly seconds: number
}

/** The engine refused a statement: ClickHouse's own code and text. */
export class EngineError extends Error {
  readonly code: number
  constructor(code: number, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** Another process has the folder: what ClickHouse says, and the status it exits with (CANNOT_OPEN_FILE). */
export class LockedFolder extends Error {
  readonly exitCode = 76
  constructor(folder: string) {
    super(
      `Cannot lock file ${join(folder, 'status')}. Another server instance in same directory is already running.`,
    )
  }
}

/** Opens a folder of ClickHouse data with chdb. One folder a process, one process a folder. */
export async function openEngine(folder: string): Promise<Engine> {
  const path = resolve(folder)
  mkdirSync(path, { recursive: true })
  process.env['TZ'] = 'UTC' // Langfuse requires ClickHouse in UTC; chdb takes the time zone of the process
  const chdb = await import('chdb')
  const open = (): Session => {
    try {
      return new chdb.Session(path)
    } catch (cause) {
      if (isLocked(path)) throw new LockedFolder(path)
      throw new Error(`The ClickHouse engine does not open ${path}: ${String(cause)}`, { cause })
    }
  }
  const main = open()
  serveDefaultAsAtomic(main, path)
  return {
    version: main.query('SELECT version()', 'TSVRaw').trim(),
    connect: () => connectionOf(open()),
    close: async () => {
      await chdb.drainPending()
      main.close()
    },
  }
}

/** chdb locks `status` itself and writes the holder's process id into it, as ClickHouse does. */
function isLocked(path: string): boolean {
  const status = join(path, 'status')
  if (!existsSync(status)) return false
  const pid = Number(/^PID: (\d+)/m.exec(readFileSync(status, 'utf8'))?.[1] ?? 0)
  if (pid === 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * chdb puts its own Overlay engine over `default`, at every start, without UUIDs; on a server it is Atomic.
 * Without tables it is dropped and made anew (chdb cannot attach an empty one: "Cannot find UUID mapping"); with tables
 * it is only detached, since dropping would drop them.
 */
function serveDefaultAsAtomic(session: Session, path: string): void {
  const hasTables = tableFiles(join(path, 'metadata', 'default')).length > 0
  session.query(hasTables ? 'DETACH DATABASE default' : 'DROP DATABASE default')
  session.query(hasTables ? 'ATTACH DATABASE default' : 'CREATE DATABASE default ENGINE = Atomic')
}

function tableFiles(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.sql')) : []
}

function connectionOf(session: Session): Connection {
  return {
    run: async (sql, format) => {
      try {
        const result = await session.queryAsync(sql, { format })
        return {
          bytes: result.bytes(),
          rowsRead: result.rowsRead,
          bytesRead: result.bytesRead,
          seconds: result.elapsed,
        }
      } catch (cause) {
        throw engineError(cause)
      }
    },
    close: () => session.close(),
  }
}

function engineError(cause: unknown): EngineError {
  const message = (cause instanceof Error ? cause.message : String(cause)).replace(/^Query failed: /, '')
  const code = Number(/^Code: (\d+)\./.exec(message)?.[1] ?? 1001) // 1001: STD_EXCEPTION
  return new EngineError(code, message, cause)
}
