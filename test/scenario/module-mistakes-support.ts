import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CACHE, CACHE_TOKEN } from '../../sandbox/article/settings.ts'
import { openStage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import type { CheckResult } from '../../src/checks/run.ts'

export type Seen = { readonly result: RunResult; readonly calls: number }

/** What verify says of a stack that is built like the article's Terraform module, and how many calls to AWS it makes. */
export async function verifyOn(built: {
  readonly clickhouse: string
  readonly sound?: boolean
}): Promise<Seen> {
  const folder = await mkdtemp(join(tmpdir(), 'module-'))
  const stage = await openStage({ folder, release: '3.225.4', ...built })
  try {
    const before = stage.stack.sandbox.requests.length
    const result = await stage.run('verify', { 'redis-url': `redis://:${CACHE_TOKEN}@${CACHE}:6379` })
    return { result, calls: stage.stack.sandbox.requests.length - before }
  } finally {
    await stage.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

export const checksOf = ({ result }: Seen) =>
  (result.report as { readonly checks: readonly CheckResult[] }).checks
