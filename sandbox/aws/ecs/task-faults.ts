import type { Task } from './types.ts'

/** Troubles of one-off tasks that tests arrange: a task meets the oldest fault for its family that is not used up. */
export function makeTaskFaults(): TaskFaults {
  const arranged: { readonly fault: TaskFault; left: number }[] = []
  const met = new WeakMap<Task, TaskFault | undefined>()
  return {
    add: fault => void arranged.push({ fault, left: fault.times ?? 1 }),
    of: task => {
      if (met.has(task)) return met.get(task)
      const found = arranged.find(
        ({ fault, left }) => left > 0 && fault.family === task.taskDefinition.family,
      )
      if (found) found.left -= 1
      met.set(task, found?.fault)
      return found?.fault
    },
    clear: () => {
      arranged.length = 0
    },
  }
}

export type TaskFault = {
  /** Of the task definition. */
  readonly family: string
  /** How many tasks meet it; 1 by default. */
  readonly times?: number
  /** It fails to start, and this is its stopped reason. */
  readonly stoppedReason?: string
  /** Killed (137) once it has printed so many lines. */
  readonly killedAfter?: number
  /** What comes of a line that it prints: none, another one, many. */
  readonly lines?: (line: string) => readonly string[]
  /** Virtual seconds that its lines take to the log. */
  readonly logLag?: number
}

export type TaskFaults = {
  add(fault: TaskFault): void
  /** The fault that this task met, once and for all. */
  of(task: Task): TaskFault | undefined
  clear(): void
}
