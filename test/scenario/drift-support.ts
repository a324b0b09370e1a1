import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import type { Issue } from '../../sandbox/github-issues.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import type { CheckId } from '../../src/checks/run.ts'
import { type Schema, violations } from '../report/json-schema.ts'
import { HAND_MADE, type HandMade } from './drift-changes.ts'

export const RELEASE = '3.0.0'
const SCHEMA = JSON.parse(readFileSync('docs/report.schema.json', 'utf8')) as Schema

/** A stack that was deployed, against which drift is measured. */
export async function openDriftStage(): Promise<DriftStage> {
  const folder = await mkdtemp(join(tmpdir(), 'drift-'))
  const stage = await openStage({ folder, release: RELEASE })
  const deployed = await stage.run('deploy', { version: RELEASE })
  const look: Look = (inputs = {}) => stage.run('verify', { checks: 'drift', baseline: 'record', ...inputs })
  return {
    stage,
    deployed,
    look,
    withIssue: (inputs = {}) => look({ 'drift-issue': 'true', ...inputs }),
    issue: number => {
      const found = stage.github.issues.find(item => item.number === number)
      if (found === undefined) throw new Error(`no issue ${number}`)
      return found
    },
    change: async part => change(part).change(stage, RELEASE),
    close: async () => {
      await stage.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

type Look = (inputs?: Readonly<Record<string, string>>) => Promise<RunResult>

export type DriftStage = {
  readonly stage: Stage
  readonly deployed: RunResult
  /** As drift.yml runs it, but only the one check: what else is wrong with the article's stack is not asked here. */
  readonly look: Look
  readonly withIssue: Look
  issue(number: number): Issue
  /** One of the changes by hand, by a part of its name; answers how to change it back. */
  change(part: string): Promise<() => Promise<void>>
  close(): Promise<void>
}

function change(part: string): HandMade {
  const found = HAND_MADE.find(({ name }) => name.includes(part))
  if (found === undefined) throw new Error(`Nobody changes ${part}`)
  return found
}

type Check = { readonly id: CheckId; readonly state: string; readonly sentence: string }

export function driftIn(result: RunResult): Check | undefined {
  expect(violations(result.report, SCHEMA)).toEqual([])
  return (result.report as { checks: Check[] }).checks.find(check => check.id === 'drift')
}

export async function expectFound({ stage, look }: DriftStage, made: HandMade): Promise<void> {
  const putBack = await made.change(stage, RELEASE)
  try {
    const result = await look()
    const drift = driftIn(result)
    expect(drift).toMatchObject({ state: 'failed', sentence: expect.stringMatching(made.says) })
    expect(result.outputs).toMatchObject({ outcome: 'failed', drift: 'true', 'issue-number': '' })
  } finally {
    await putBack()
  }
}
