import { type ProcessOptions, startProcess } from './process.ts'
import type { Launch, Running } from './program.ts'
import { startScripted } from './scripted.ts'

/** Starts containers and knows all that run, so that nothing outlives the sandbox. */
export function makeRuntime(options: ProcessOptions): Runtime {
  const alive = new Set<Running>()
  const writers = new Map<string, string>()

  const start = async (launch: Launch) => {
    const running =
      launch.image.program.kind === 'scripted'
        ? startScripted({ launch, program: launch.image.program, clock: options.clock, writers })
        : await startProcess(options, launch, launch.image.program)
    alive.add(running)
    void running.exited.then(() => alive.delete(running))
    return running
  }

  const stop = async () => {
    const all = [...alive]
    // Scripted programs end with the clock; only processes have to be waited for.
    for (const running of all) running.stop(0)
    await Promise.all(all.filter(running => running.real).map(running => running.exited))
  }

  return { start, stop, alive: () => [...alive].filter(running => running.real).length }
}

export type Runtime = {
  start(launch: Launch): Promise<Running>
  stop(): Promise<void>
  /** How many processes run. */
  alive(): number
}
