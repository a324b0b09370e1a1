import type { Ports } from '../../src/entries/ports.ts'
import type { Records } from '../../src/ports/github.ts'
import type { Clock } from '../../src/ports/runner.ts'
import { fakeRunner } from './runner.ts'

/** A clock that jumps: sleeping takes no time. */
export function jumpingClock(): Clock {
  let now = 0
  return {
    now: () => now,
    random: () => 0.5,
    sleep: async milliseconds => {
      now += milliseconds
    },
  }
}

/** What an entry needs of a deploy's workflow run `run` besides AWS and the databases. */
export function portsFor(run: string, records?: Records) {
  const runner = fakeRunner(
    'deploy',
    { version: '3.0.0' },
    { AWS_REGION: 'ap-northeast-1', GITHUB_RUN_ID: run },
  )
  const clock = jumpingClock()
  const { signal } = new AbortController()
  const ports = { runner, clock, signal, records: () => records } as unknown as Ports
  return { ports, clock, runner }
}
