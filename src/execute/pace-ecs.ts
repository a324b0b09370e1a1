import type { Outlook } from './wait.ts'

/** How far an ECS deployment is. */
export type Progress = {
  readonly wanted: number
  readonly running: number
  readonly pending: number
  /** Running tasks of what is replaced. */
  readonly older: number
  readonly failures: number
  /** Failures that end it. */
  readonly threshold: number
}

/**
 * When a deployment may be over. It cannot succeed before its tasks run, and that takes a Fargate task half a minute
 * at least; nor before the older tasks have ended. It fails with the task that reaches the threshold.
 */
export function outlooks(begun: number): (progress: Progress, now: number) => Outlook {
  const earliestDeath = deaths(begun)
  let attempt = { failures: 0, begun: false }
  return (progress, now) => {
    const { wanted, running, pending, older, failures, threshold } = progress
    const notBefore = earliestDeath(progress, now)
    const there = running + pending > 0
    attempt = { failures, begun: there || (attempt.begun && attempt.failures === failures) }
    // ECS counts a task a moment after it is gone.
    if (failures >= threshold - 1 && attempt.begun)
      return there ? { pace: 'near', notBefore } : { pace: 'near' }
    if (!there) return { pace: 'calm' }
    if (running < wanted) return { pace: 'calm' }
    return { pace: older > 0 || failures > 0 ? 'soon' : 'near' }
  }
}

/** Tasks of one image die at about the same age. */
const SAME_AGE = 0.8

/**
 * When the task that is there now will die at the earliest, if it gets as old as those before it. Nothing is known
 * but what was seen: it began between a look without it and the first look with it.
 */
function deaths(begun: number): (progress: Progress, now: number) => number {
  let failed = 0
  let lastPoll = begun
  let goneAt = begun
  let firstSeen: number | undefined
  let lastSeen = begun
  let age = 0
  return ({ running, pending, failures }, now) => {
    if (failures > failed) {
      age = Math.max(age, lastSeen - (firstSeen ?? lastSeen))
      goneAt = lastPoll
      firstSeen = undefined
    }
    failed = failures
    if (running + pending === 0) goneAt = now
    else {
      firstSeen ??= now
      lastSeen = now
    }
    lastPoll = now
    return goneAt + SAME_AGE * age
  }
}
