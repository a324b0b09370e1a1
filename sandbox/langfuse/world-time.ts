import { setTimeout as sleep } from 'node:timers/promises'

const time = process.env['SANDBOX_TIME']

/** The sandbox's clock waits for `work`, but for its pauses. */
export async function busy<Result>(work: () => Promise<Result>): Promise<Result> {
  await tell('begin')
  return work().finally(() => tell('rest'))
}

/** In the sandbox's time; in real time, and much shorter, where there is no sandbox. Ends early when it is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(time === undefined ? milliseconds / 20 : milliseconds, undefined, { signal }).catch(
    () => undefined,
  )
}

async function tell(what: 'begin' | 'rest'): Promise<void> {
  if (time === undefined) return
  // The sandbox may have ended before this process.
  await fetch(`${time}&${what}=`).catch(() => undefined)
}
