import { expect } from '@jest/globals'
import { Client } from 'pg'
import type { Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { isWrite, setupOf } from './support.ts'

/** A rollback that changes neither AWS nor a schema, a migration or a row. */
export async function changingNothing(
  stage: Stage,
  inputs: Readonly<Record<string, string>>,
): Promise<RunResult> {
  const { stack, github } = stage
  const seen = async () => {
    const snapshot = await takeSnapshot(stack)
    return {
      ...snapshot,
      setup: setupOf(stack.sandbox.world),
      statuses: github.deployments.map(all => all.statuses),
    }
  }
  const before = await seen()
  const from = stack.sandbox.requests.length
  const result = await stage.run('rollback', inputs)
  expect(stack.sandbox.requests.slice(from).filter(isWrite)).toEqual([])
  expect(await seen()).toEqual(before)
  return result
}

export function expectOneSentence(result: RunResult, outcome: 'refused' | 'failed', sentence: RegExp): void {
  const errors = result.commands.filter(({ command }) => command === 'error')
  expect(errors).toHaveLength(1)
  expect(errors[0]?.message).toMatch(sentence)
  expect(result.outputs['outcome']).toBe(outcome)
  expect(result.exitCode).toBe(1)
}

export async function sql(stage: Stage, text: string): Promise<void> {
  const client = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
