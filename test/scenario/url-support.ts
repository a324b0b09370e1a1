import { expect } from '@jest/globals'
import type { Stage, StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { type StrangeWeb, strangeWeb, type Who } from '../support/strange-web.ts'
import { isWrite } from './support.ts'

export const UPGRADE = { version: '3.0.0', backup: 'false' }

/** Runs an action with the URL of something else than this stack's web. */
export async function runAt(
  who: Who,
  stage: Stage,
  action: 'deploy' | 'verify' | 'rollback',
  inputs: Readonly<Record<string, string>> = {},
  {
    onLine,
    ...options
  }: Omit<StageRun, 'onLine'> & { onLine?: (line: string, web: StrangeWeb) => void } = {},
): Promise<RunResult & { readonly writes: readonly string[] }> {
  const web = await strangeWeb(who)
  const from = stage.stack.sandbox.requests.length
  try {
    const result = await stage.run(
      action,
      { url: web.url, ...inputs },
      {
        ...options,
        ...(onLine && { onLine: (line: string) => onLine(line, web) }),
      },
    )
    const writes = stage.stack.sandbox.requests.slice(from).filter(isWrite)
    return { ...result, writes: writes.map(({ operation }) => operation) }
  } finally {
    await web.close()
  }
}

/** An upgrade through a URL that shows no Langfuse: said in the plan and in the outcome, and nothing is undone. */
export async function expectDeployedUnseen(stage: Stage, who: Who, reason: RegExp): Promise<void> {
  const { outputs, stdout, summary, exitCode } = await runAt(who, stage, 'deploy', UPGRADE)
  expect(outputs).toMatchObject({
    outcome: 'deployed',
    'previous-version': '2.93.7',
    'current-version': '3.0.0',
  })
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    new RegExp(`Warning: This run cannot read the web's URL, because .*${reason.source}`),
  )
  expect(summary).toMatch(/This run did not see the web answer, only its platform and its image/)
  expect(stdout).not.toMatch(/Rolling back|reports that it is unhealthy/)
}
