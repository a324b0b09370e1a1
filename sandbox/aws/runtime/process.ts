import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { freePort } from '../../vpc/proxy.ts'
import type { Clock } from '../clock.ts'
import type { Program } from '../images.ts'
import type { Participants } from '../participants.ts'
import { DEFAULT_PORTS, type Exit, type Launch, type ProbeTarget, type Running } from './program.ts'

/** Starts a container as a process inside the sandbox's VPC; each container port gets a loopback port. */
export async function startProcess(
  options: ProcessOptions,
  launch: Launch,
  program: Program,
): Promise<Running> {
  const port = launch.ports[0] ?? DEFAULT_PORTS[program.kind] ?? 0
  const loopback = await freePort()
  // A stand-in listens once: ClickHouse's native port 9000 leads to its HTTP interface.
  const ports = new Map([...new Set([port, ...launch.ports])].filter(p => p > 0).map(p => [p, loopback]))
  const participant = options.participants.join()
  const child = spawnContainer(options, launch, program, { loopback, time: participant.env })
  const exited = endOf(child, launch)
  void exited.then(participant.leave)
  const settled = listens(launch, program)
    ? settle(loopback, exited, LONGEST_START)
    : settle(loopback, exited, 3000)
  // An agent goes on to be busy until it pauses; a server is busy only when it is asked something.
  if (!isAgent(launch)) void settled.then(participant.rest)
  const whileHeld = async <Result>(work: Promise<Result>) => {
    const release = options.clock.hold()
    return work.finally(release)
  }
  return {
    ports,
    real: true,
    exited,
    settled,
    stop: graceSeconds => {
      stopProcess(child, Math.max((graceSeconds * 1000) / options.speed, 5000))
      void whileHeld(exited)
    },
    kill: () => signalGroup(child, 'SIGKILL'),
    probe: target => whileHeld(probe(target, ports.get(target.port))),
  }
}

const listens = (launch: Launch, program: Program) =>
  program.kind !== 'command' && launch.command.length === 0 && launch.entryPoint.length === 0

const isAgent = (launch: Launch) => 'LANGFUSE_ROLLOUT_AGENT' in launch.environment

export type ProcessOptions = {
  readonly speed: number
  readonly clock: Clock
  readonly participants: Participants
  /** What every process in the VPC needs in its environment. */
  readonly vpcEnv: (source: string, nodeOptions: string | undefined) => Readonly<Record<string, string>>
  /** Where processes run; they write nothing there by themselves. */
  readonly folder: string
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
export const PRELOAD = pathToFileURL(join(ROOT, 'sandbox', 'vpc', 'preload.mjs')).href

/** Node 24, which runs TypeScript as it is, whatever Node started the sandbox. */
const NODE =
  Number(process.versions.node.split('.')[0]) >= 24
    ? process.execPath
    : join(ROOT, 'node_modules', '.bin', 'node')

function spawnContainer(options: ProcessOptions, launch: Launch, program: Program, given: Given) {
  const [file = NODE, ...args] = argumentsOf(launch, program)
  const child = spawn(file === 'node' ? NODE : file, args, {
    cwd: options.folder,
    // A group of its own, so that what it starts ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(options, launch, program, given),
  })
  forwardLines(child.stdout, launch)
  forwardLines(child.stderr, launch)
  endWithSandbox(child)
  return child
}

/**
 * A given entry point is run as it is, unless it only spells out the image's own. The worker image's own entry point
 * only `exec`s the command, so a command is run as it is too; the web image's entry point migrates first, which its
 * stand-in does (SANDBOX_COMMAND).
 */
function argumentsOf(launch: Launch, program: Program): readonly string[] {
  if (launch.entryPoint.length > 0 && !isOwnEntryPoint(launch.entryPoint, program))
    return [...launch.entryPoint, ...launch.command]
  if (launch.command.length > 0 && (program.kind === 'worker' || program.kind === 'command'))
    return launch.command
  if (program.kind === 'command') return program.command
  return [NODE, join(ROOT, 'sandbox', 'langfuse', `${program.kind}.ts`)]
}

// Dockerfiles of web and worker in langfuse/langfuse: ENTRYPOINT ["dumb-init", "--", "./web/entrypoint.sh"].
const isOwnEntryPoint = (entryPoint: readonly string[], program: Program) =>
  entryPoint.join(' ') === `dumb-init -- ./${program.kind}/entrypoint.sh`

type Given = { readonly loopback: number; readonly time: Readonly<Record<string, string>> }

function environmentOf(options: ProcessOptions, launch: Launch, program: Program, given: Given) {
  return {
    PATH: process.env.PATH ?? '',
    HOSTNAME: launch.hostname,
    ...launch.environment,
    ...options.vpcEnv(launch.source, launch.environment.NODE_OPTIONS),
    SANDBOX_PARENT: String(process.pid),
    SANDBOX_LISTEN: `127.0.0.1:${given.loopback}`,
    ...given.time,
    ...('release' in program ? { SANDBOX_RELEASE: program.release } : {}),
    ...(launch.mount && { SANDBOX_EFS: launch.mount.folder, SANDBOX_MOUNT: JSON.stringify(launch.mount) }),
    ...(launch.command.length > 0 ? { SANDBOX_COMMAND: JSON.stringify(launch.command) } : {}),
  }
}

function forwardLines(stream: Readable, launch: Launch) {
  createInterface({ input: stream }).on('line', line => launch.onLine(line))
}

function endOf(child: ChildProcess, launch: Launch): Promise<Exit> {
  return new Promise(resolve => {
    child.once('error', error => {
      launch.onLine(`exec ${child.spawnfile}: ${error.message}`)
      resolve({ code: 127 })
    })
    // `close` comes after the last line of output.
    child.once('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGKILL' ? 137 : 143) }))
    // Something that the program left behind may hold its output open for ever.
    child.once('exit', () => setTimeout(() => destroyStreams(child), 1000).unref())
  })
}

function destroyStreams(child: ChildProcess) {
  child.stdout?.destroy()
  child.stderr?.destroy()
}

function stopProcess(child: ChildProcess, graceMilliseconds: number) {
  signalGroup(child, 'SIGTERM')
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMilliseconds)
  void once(child, 'close').then(() => {
    clearTimeout(timer)
    signalGroup(child, 'SIGKILL')
  })
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The whole group has ended already.
  }
}

const running = new Set<ChildProcess>()
let watching = false

/** Also when the sandbox ends without stop(): nothing may be left behind. */
function endWithSandbox(child: ChildProcess) {
  running.add(child)
  child.once('close', () => running.delete(child))
  if (watching) return
  watching = true
  process.on('exit', () => {
    for (const left of running) signalGroup(left, 'SIGKILL')
  })
}

/** It counts as started when it listens; a command that listens to nothing after `milliseconds` of real time. */
async function settle(port: number, exited: Promise<Exit>, milliseconds: number): Promise<void> {
  const deadline = Date.now() + milliseconds
  let ended = false
  void exited.then(() => {
    ended = true
  })
  while (!ended && Date.now() < deadline) {
    if (await accepts(port)) return
    await new Promise(done => setTimeout(done, 50))
  }
}

/** Real milliseconds: far longer than any stand-in takes on a busy machine to start, and to answer. */
const LONGEST_START = 60_000
const LONGEST_ANSWER = 10_000

async function probe(target: ProbeTarget, port: number | undefined): Promise<boolean> {
  if (port === undefined) return false
  if (target.path === undefined) return accepts(port)
  try {
    const signal = AbortSignal.timeout(Math.max(target.timeoutSeconds * 1000, LONGEST_ANSWER))
    const response = await fetch(`http://127.0.0.1:${port}${target.path}`, { signal, redirect: 'manual' })
    await response.arrayBuffer()
    return response.status < 400
  } catch {
    return false
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const answer = (accepted: boolean) => {
      socket.destroy()
      resolve(accepted)
    }
    // While nobody listens, a connection may get this very port as its own and meet itself.
    socket.once('connect', () => answer(socket.localPort !== port))
    socket.once('error', () => answer(false))
    socket.setTimeout(LONGEST_ANSWER, () => answer(false))
  })
}
