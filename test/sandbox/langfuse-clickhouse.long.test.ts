import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { type Program, startProgram, stopPrograms, until } from './langfuse-program.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langfuse-clickhouse-'))
})

afterEach(stopPrograms)
afterAll(() => rm(folder, { recursive: true, force: true }))

async function started(efs: string): Promise<Program> {
  const program = await container(efs)
  await until(async () => {
    const response = await fetch(`${program.url}/ping`).catch(() => undefined)
    return response?.ok ? response : undefined
  }, 'ping')
  return program
}

function container(efs: string): Promise<Program> {
  return startProgram('clickhouse', {
    SANDBOX_RELEASE: '24.8.7',
    SANDBOX_EFS: join(folder, efs),
    CLICKHOUSE_USER: 'lf',
    CLICKHOUSE_PASSWORD: 'pa55',
  })
}

function clientOf({ url }: Program) {
  return clickhouseClient({ url, user: 'lf', password: 'pa55', database: 'default' })
}

test('it says the version of its image, and its data outlive it', async () => {
  const first = await started('kept')
  expect(await clientOf(first).query('SELECT version() AS version')).toEqual([
    { version: expect.stringMatching(/^24\.8\.7/) },
  ])
  await clientOf(first).execute('CREATE TABLE kept (a Int8) ENGINE = MergeTree ORDER BY a')
  await clientOf(first).execute('INSERT INTO kept VALUES (7)')
  expect(await first.stop()).toBe(0)

  expect(await clientOf(await started('kept')).query('SELECT a FROM kept')).toEqual([{ a: 7 }])
})

test('a second one on the same folder exits with 76, and the first serves on', async () => {
  const first = await started('shared')
  const second = await container('shared')

  expect(await second.exited).toBe(76)
  expect(second.output()).toContain(
    `Cannot lock file ${join(folder, 'shared', 'status')}. Another server instance in same directory is already running.`,
  )
  expect(await clientOf(first).query('SELECT 1 AS one')).toEqual([{ one: 1 }])
})
