import { setTimeout as wait } from 'node:timers/promises'

/** Looks until something outside this process has happened, at most ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not happen within ten seconds.')
    await wait(50)
  }
}
