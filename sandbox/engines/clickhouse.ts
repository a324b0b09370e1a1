import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  type ClickHouse,
  type ClickHouseOptions,
  LockedFolder,
  serveClickHouse,
} from './clickhouse-server.ts'

export {
  type ClickHouse,
  type ClickHouseOptions,
  LockedFolder,
  serveClickHouse,
} from './clickhouse-server.ts'

type Message = { readonly ready: number }

/**
 * Starts the ClickHouse engine (chdb) behind ClickHouse's HTTP interface, in a process of its own: chdb serves one
 * data folder a process. The process ends with this one, whichever way this one ends.
 * @throws Error with ClickHouse's text when another process has the folder, or the engine does not start.
 */
export async function startClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  const host = options.host ?? '127.0.0.1'
  const child = fork(fileURLToPath(import.meta.url), [], {
    env: { ...process.env, ...environmentOf({ ...options, host }) },
    execArgv: [],
    detached: true, // a Ctrl-C is for the program that started it: it decides when the engine ends
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const port = await readyOf(child)
  return { url: `http://${host}:${port}`, port, stop: () => end(child) }
}

/**
 * The program: what the ClickHouse container of the sandbox runs. Options come from the container's environment.
 * Exits with 76 when another process has the folder, as ClickHouse does.
 */
async function main(): Promise<void> {
  const stop = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.resolve())
  process.once('disconnect', () => stop.resolve())
  try {
    const clickhouse = await serveClickHouse(optionsOf(process.env))
    process.send?.({ ready: clickhouse.port } satisfies Message)
    console.log(`<Information> Application: Listening for ${clickhouse.url}`)
    console.log('<Information> Application: Ready for connections.')
    await stop.promise
    await clickhouse.stop()
    process.exit(0)
  } catch (error) {
    // chdb has printed the same before, without an end of line.
    console.error(`\n${error instanceof Error ? error.message : error}`)
    process.exit(error instanceof LockedFolder ? error.exitCode : 1)
  }
}

function environmentOf(options: ClickHouseOptions): Record<string, string> {
  return {
    SANDBOX_EFS: options.folder,
    SANDBOX_LISTEN: `${options.host}:${options.port ?? 0}`,
    SANDBOX_RELEASE: options.version ?? '',
    CLICKHOUSE_USER: options.user ?? '',
    CLICKHOUSE_PASSWORD: options.password ?? '',
  }
}

function optionsOf(environment: NodeJS.ProcessEnv): ClickHouseOptions {
  const folder = environment['SANDBOX_EFS']
  if (!folder) throw new Error('SANDBOX_EFS is not set: give the folder of the data.')
  const [, host, port] = /^(.*):(\d+)$/.exec(environment['SANDBOX_LISTEN'] ?? '') ?? []
  return {
    folder,
    host: host || '127.0.0.1',
    port: Number(port ?? 0),
    ...present('version', environment['SANDBOX_RELEASE']),
    ...present('user', environment['CLICKHOUSE_USER']),
    ...present('password', environment['CLICKHOUSE_PASSWORD']),
  }
}

function present(name: string, value: string | undefined): Record<string, string> {
  return value ? { [name]: value } : {}
}

function readyOf(child: ChildProcess): Promise<number> {
  let output = ''
  child.stderr?.on('data', chunk => {
    output = (output + String(chunk)).slice(-8192)
  })
  return new Promise((resolve, reject) => {
    child.once('message', message => resolve((message as Message).ready))
    child.once('error', reject)
    // `close`, not `exit`: by then all it has written is here.
    child.once('close', code => reject(new Error(`ClickHouse exited with ${code}: ${output.trim()}`)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  const forced = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exited
  clearTimeout(forced)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
