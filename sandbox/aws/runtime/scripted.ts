import type { Clock } from '../clock.ts'
import type { ScriptedProgram } from '../images.ts'
import type { Exit, Launch, Running } from './program.ts'

/** A container without a process: it follows its script in virtual time. `writers` maps data folders to who holds them. */
export function startScripted(options: {
  readonly launch: Launch
  readonly program: ScriptedProgram
  readonly clock: Clock
  readonly writers: Map<string, string>
}): Running {
  const { launch, program, clock, writers } = options
  let listening = false
  let end: (exit: Exit) => void = () => undefined
  const exited = new Promise<Exit>(resolve => {
    end = resolve
  })
  void exited.then(() => {
    listening = false
    releaseFolder(writers, launch)
  })

  for (const line of program.log ?? []) launch.onLine(line)
  if (program.singleWriter && !holdFolder(writers, launch)) {
    launch.onLine(CANNOT_LOCK)
    clock.after(1, () => end({ code: 76 }))
  } else {
    clock.after(program.startSeconds ?? 0, () => {
      listening = program.healthy ?? true
    })
    const exitAfter = program.exitAfter ?? (program.outOfMemory ? 1 : undefined)
    const exit = program.outOfMemory ? OUT_OF_MEMORY : { code: program.exitCode ?? 0 }
    if (exitAfter !== undefined) clock.after(exitAfter, () => end(exit))
  }

  return {
    ports: new Map(),
    real: false,
    settled: Promise.resolve(),
    exited,
    stop: () => end({ code: 143 }),
    kill: () => end({ code: 137 }),
    probe: async () => listening,
  }
}

/** [REPORT, facts/aws.md 2.2] */
const OUT_OF_MEMORY = { code: 137, reason: 'OutOfMemoryError: container killed due to memory usage' }

// ClickHouse's own words (src/Common/StatusFile.cpp); its status file cannot be moved elsewhere, by design.
const CANNOT_LOCK =
  'Cannot lock file /var/lib/clickhouse/status. Another server instance in same directory is already running.'

function holdFolder(writers: Map<string, string>, launch: Launch): boolean {
  const folder = launch.mount?.folder
  if (folder === undefined) return true
  if (writers.has(folder)) return false
  writers.set(folder, launch.source)
  return true
}

function releaseFolder(writers: Map<string, string>, launch: Launch) {
  const folder = launch.mount?.folder
  if (folder !== undefined && writers.get(folder) === launch.source) writers.delete(folder)
}
