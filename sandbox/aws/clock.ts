/** Virtual time, `speed` times as fast as real time, starting now. All durations are virtual seconds. */
export function startClock(speed = 1): Clock {
  const born = Date.now()
  const timers = new Set<NodeJS.Timeout>()
  let stopped = false
  const now = () => new Date(born + (Date.now() - born) * speed)

  const after = (seconds: number, action: () => void) => {
    if (stopped) return () => undefined
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        action()
      },
      (seconds * 1000) / speed,
    )
    timers.add(timer)
    return () => {
      clearTimeout(timer)
      timers.delete(timer)
    }
  }

  const every = (seconds: number, action: () => void) => {
    if (stopped) return () => undefined
    // Below 20 real ms a fast clock would only burn the processor.
    const timer = setInterval(action, Math.max(20, (seconds * 1000) / speed))
    timers.add(timer)
    return () => {
      clearInterval(timer)
      timers.delete(timer)
    }
  }

  const stop = () => {
    stopped = true
    for (const timer of timers) clearTimeout(timer)
    timers.clear()
  }

  return { speed, now, after, every, sleep: seconds => new Promise(done => void after(seconds, done)), stop }
}

export type Clock = {
  readonly speed: number
  now(): Date
  /** Runs `action` once; the answer cancels it. */
  after(seconds: number, action: () => void): () => void
  every(seconds: number, action: () => void): () => void
  sleep(seconds: number): Promise<void>
  /** Forgets every timer and takes no more; sleeps that are under way never end. */
  stop(): void
}
