import type { Ports } from '../../src/entries/ports.ts'
import type { Records } from '../../src/ports/github.ts'
import { jumpingClock } from './execution.ts'
import { fakeRunner } from './runner.ts'

/** What an entry needs of a deploy's workflow run `run` besides AWS and the databases. */
export function portsFor(run: string, records?: Records) {
  const runner = fakeRunner(
    'deploy',
    { version: '3.0.0' },
    { AWS_REGION: 'ap-northeast-1', GITHUB_RUN_ID: run },
  )
  const clock = jumpingClock(0)
  const { signal } = new AbortController()
  const ports = { runner, clock, signal, records: () => records } as unknown as Ports
  return { ports, clock, runner }
}
