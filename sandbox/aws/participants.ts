import type { Clock } from './clock.ts'

/**
 * Processes that live in the world's time. The clock stands still while one of them is busy: it starts, migrates,
 * answers, or works between two pauses; and it goes on while all of them rest or have ended. What a process does
 * therefore takes no time of the world's, however slow the machine is. Nobody can hold it for ever: one that is busy
 * for `graceSeconds` (real) on end is waited for no longer.
 */
export function makeParticipants(options: {
  readonly clock: Clock
  readonly graceSeconds: number
  /** Where the sandbox answers, once it listens. */
  readonly endpoint: () => string
}): Participants {
  const { clock, graceSeconds } = options
  const all = new Map<string, Member>()
  let joined = 0

  const join = (): Participant => {
    joined += 1
    const id = String(joined)
    const member = makeMember(clock, graceSeconds)
    all.set(id, member)
    member.begin()
    return {
      env: { SANDBOX_TIME: `${options.endpoint()}/_sandbox/time?participant=${id}` },
      rest: member.rest,
      leave: () => {
        all.delete(id)
        member.leave()
      },
    }
  }

  const sleep = async (member: Member, seconds: number, closed: AbortSignal) => {
    const from = clock.now().getTime()
    member.sleeps(1)
    await new Promise<void>(done => {
      const cancel = clock.after(seconds, done)
      closed.addEventListener('abort', () => done(cancel()), { once: true })
    })
    member.sleeps(-1)
    return { slept: clock.now().getTime() - from }
  }

  const answer = async (query: URLSearchParams, closed: AbortSignal) => {
    const member = all.get(query.get('participant') ?? '')
    if (member === undefined) return {}
    if (query.has('begin')) member.begin()
    if (query.has('rest')) member.rest()
    if (query.has('sleep')) return sleep(member, Number(query.get('sleep')), closed)
    return {}
  }

  return { join, answer }
}

export type Participants = {
  /** A process that is about to start: busy from now on. */
  join(): Participant
  /**
   * What a process says of itself: `begin` and `rest` of something it does, `sleep` for some seconds of the world. The
   * answer is how many milliseconds it slept.
   */
  answer(query: URLSearchParams, closed: AbortSignal): Promise<unknown>
}

export type Participant = {
  /** What the process needs in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** It has done the first thing: it listens. */
  rest(): void
  /** It has ended. */
  leave(): void
}

type Member = { begin(): void; rest(): void; sleeps(more: 1 | -1): void; leave(): void }

/** Counts what a process is busy with at the same time; while some of it pauses, it is taken to pause. */
function makeMember(clock: Clock, graceSeconds: number): Member {
  const count = { busy: 0, sleeping: 0, gone: false }
  let release: (() => void) | undefined
  let patience: NodeJS.Timeout | undefined
  const letGo = () => {
    clearTimeout(patience)
    release?.()
    release = undefined
  }
  const change = (by: { readonly busy?: number; readonly sleeping?: number; readonly gone?: boolean }) => {
    count.busy += by.busy ?? 0
    count.sleeping += by.sleeping ?? 0
    count.gone ||= by.gone ?? false
    if (count.gone || count.busy <= count.sleeping) return letGo()
    if (release) return
    release = clock.hold()
    patience = setTimeout(letGo, graceSeconds * 1000)
    patience.unref()
  }
  return {
    begin: () => change({ busy: 1 }),
    rest: () => change({ busy: -1 }),
    sleeps: more => change({ sleeping: more }),
    leave: () => change({ gone: true }),
  }
}
