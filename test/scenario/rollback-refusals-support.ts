import { isDeepStrictEqual } from 'node:util'
import { expect } from '@jest/globals'
import { Client } from 'pg'
import type { Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { readPostgresSnapshot } from '../../src/schema/postgres-schema.ts'
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
  let before = await seen()
  // The worker may still be copying.
  for (let again = await seen(); !isDeepStrictEqual(again, before); again = await seen()) before = again
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

/** A copy of the stack's database in the same server, as a restored snapshot would be. */
export async function copyDatabase(stage: Stage, name: string): Promise<void> {
  const url = new URL(stage.stack.databaseUrlLocal)
  url.pathname = '/postgres'
  const client = new Client({ connectionString: url.href })
  await client.connect()
  try {
    for (let attempt = 1; ; attempt += 1) {
      await client.query(
        `SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = 'langfuse'`,
      )
      try {
        return void (await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)} TEMPLATE langfuse`))
      } catch (error) {
        // The worker was quicker.
        if (attempt >= 20) throw error
      }
    }
  } finally {
    await client.end()
  }
}

/** Schema and Postgres migrations of a database of the stack's server. */
export async function databaseSnapshot(stage: Stage, name: string): Promise<unknown> {
  const url = new URL(stage.stack.databaseUrlLocal)
  url.pathname = `/${name}`
  const client = new Client({ connectionString: url.href })
  await client.connect()
  try {
    const rowsOf = async (text: string) => (await client.query(text)).rows
    return {
      schema: await readPostgresSnapshot(rowsOf),
      schemas: await rowsOf('SELECT nspname FROM pg_namespace ORDER BY 1'),
      migrations: await rowsOf('SELECT * FROM "_prisma_migrations" ORDER BY id'),
    }
  } finally {
    await client.end()
  }
}
