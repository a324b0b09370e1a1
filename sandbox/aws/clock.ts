/**
 * Virtual time, `speed` times as fast as real time, starting now. All durations are virtual seconds. It stands still
 * while anybody holds it, and a real pause counts for little (`LONGEST_TICK`), so that what happens in which order
 * does not depend on how fast the machine is.
 */
export function startClock(speed = 1): Clock {
  const timers = new Set<Timer>()
  const holders = new Set<symbol>()
  let virtual = Date.now()
  let seen = performance.now()
  let ticking: NodeJS.Timeout | undefined
  let stopped = false

  const advance = () => {
    const real = performance.now()
    if (holders.size === 0) virtual += Math.min(real - seen, LONGEST_TICK) * speed
    seen = real
  }

  /** Due timers in their order; for all of one tick it is the same time. */
  const tick = () => {
    advance()
    const end = virtual
    for (let next = nextOf(timers); next !== undefined && next.due <= end; next = nextOf(timers)) {
      if (stopped || holders.size > 0) return
      timers.delete(next)
      next.action()
    }
    keepTicking()
  }

  const keepTicking = () => {
    const needed = timers.size > 0 && holders.size === 0 && !stopped
    if (needed) ticking ??= setInterval(tick, TICK)
    else {
      clearInterval(ticking)
      ticking = undefined
    }
  }

  const now = () => {
    advance()
    return new Date(virtual)
  }

  const after = (seconds: number, action: () => void) => {
    if (stopped) return () => undefined
    advance()
    const timer = { due: virtual + seconds * 1000, action }
    timers.add(timer)
    keepTicking()
    return () => void timers.delete(timer)
  }

  const every = (seconds: number, action: () => void) => {
    // Below 20 real ms a fast clock would only burn the processor.
    const pause = Math.max(seconds, 0.02 * speed)
    let cancel: () => void
    const again = () => {
      cancel = after(pause, again)
      action()
    }
    cancel = after(pause, again)
    return () => cancel()
  }

  const hold = () => {
    const holder = Symbol('holder')
    advance()
    holders.add(holder)
    keepTicking()
    return () => {
      advance()
      holders.delete(holder)
      keepTicking()
    }
  }

  const stop = () => {
    stopped = true
    timers.clear()
    keepTicking()
  }

  return {
    speed,
    now,
    after,
    every,
    hold,
    sleep: seconds => new Promise(done => void after(seconds, done)),
    stop,
  }
}

/** Real milliseconds from one look at the timers to the next, and the most that one counts for. */
const TICK = 5
const LONGEST_TICK = 20

/** `due` in virtual milliseconds since the epoch. */
type Timer = { readonly due: number; readonly action: () => void }

function nextOf(timers: ReadonlySet<Timer>): Timer | undefined {
  let next: Timer | undefined
  for (const timer of timers) if (next === undefined || timer.due < next.due) next = timer
  return next
}

export type Clock = {
  readonly speed: number
  now(): Date
  /** Runs `action` once; the answer cancels it. */
  after(seconds: number, action: () => void): () => void
  every(seconds: number, action: () => void): () => void
  sleep(seconds: number): Promise<void>
  /** Time stands still until the answer is called, and until everybody else who holds it lets it go. */
  hold(): () => void
  /** Forgets every timer and takes no more; sleeps that are under way never end. */
  stop(): void
}
