import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { type StatementEvent, watchStatements } from '../../sandbox/statements.ts'
import { type Program, startProgram, stopPrograms, until } from '../sandbox/langfuse-program.ts'

/** A rollback is held in the middle of a phase, and web containers start meanwhile. Each test ends on 2.93.7. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migration-lock-'))
  stage = await openStage({ folder })
})

beforeEach(async () => {
  const result = await stage.run('deploy', { version: '3.0.0', backup: 'false' })
  expect(result.outputs['outcome']).toBe('deployed')
})

afterEach(stopPrograms)

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A rollback that stands still before the first of its statements that `isMoment` is about, until it is let go. */
async function heldRollback(isMoment: (event: StatementEvent) => boolean): Promise<Held> {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const { databaseUrlLocal: databaseUrl, clickhouseUrlLocal: clickhouseUrl } = stage.stack
  const stores = await watchStatements({
    databaseUrl,
    clickhouseUrl,
    watch: async event => {
      if (event.phase === 'before' && isMoment(event)) {
        reached.resolve()
        await released.promise
      }
      return undefined
    },
  })
  const urls = { 'database-url': stores.databaseUrl, 'clickhouse-url': stores.clickhouseUrl }
  const ended = stage.run('rollback', { to: '2.93.7', ...urls }).finally(() => stores.stop())
  await Promise.race([
    reached.promise,
    ended.then(({ stdout }) => {
      throw new Error(`The rollback ended before it was held: ${stdout}`)
    }),
  ])
  return {
    letGo: () => {
      released.resolve()
      return ended
    },
  }
}

type Held = { letGo(): Promise<RunResult> }

function web(release: string): Promise<Program> {
  const { databaseUrlLocal, clickhouseUrlLocal, clickhouseUser, clickhousePassword } = stage.stack
  return startProgram('web', {
    SANDBOX_RELEASE: release,
    DATABASE_URL: databaseUrlLocal,
    CLICKHOUSE_URL: clickhouseUrlLocal,
    CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.langfuse.local:9000',
    CLICKHOUSE_USER: clickhouseUser,
    CLICKHOUSE_PASSWORD: clickhousePassword,
    CLICKHOUSE_CLUSTER_ENABLED: 'false',
  })
}

const TIMED_OUT = /P1002[\s\S]*Timed out trying to acquire a postgres advisory lock/

/** Both phases write their end to the journal last, before the transaction is committed. */
const endOf = (phase: 'expand' | 'contract') => {
  let begun = 0
  return ({ store, sql }: StatementEvent): boolean => {
    if (store !== 'postgres') return false
    if (sql.startsWith('BEGIN; SET CONSTRAINTS')) begun += 1
    const isPhase =
      phase === 'expand' ? begun === 1 : sql.startsWith('DELETE FROM public."_prisma_migrations"')
    return isPhase && (phase === 'contract' || sql.includes('langfuse_rollout.journal'))
  }
}

test('while expand is held, webs of both releases wait for the lock, give up, and have changed nothing', async () => {
  const held = await heldRollback(endOf('expand'))
  const webs = await Promise.all(['3.0.0', '2.93.7'].map(web))
  expect(await Promise.all(webs.map(({ exited }) => exited))).toEqual([1, 1])
  for (const { output } of webs) expect(output()).toMatch(TIMED_OUT)
  expect((await held.letGo()).outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
}, 180_000)

test('while contract is held, a web of the newer release cannot migrate; one of the older waits, then serves', async () => {
  const held = await heldRollback(endOf('contract'))
  const newer = await web('3.0.0')
  expect(await newer.exited).toBe(1)
  expect(newer.output()).toMatch(TIMED_OUT)
  const older = await web('2.93.7')
  await until(
    async () => (older.output().includes('migrations found') ? true : undefined),
    'the older web comes to its migrations',
  )
  expect(older.output()).not.toMatch(/No pending migrations/)
  const result = held.letGo()
  await older.answers('/sandbox/deep-probe')
  expect(older.output()).toMatch(/No pending migrations to apply/)
  expect((await result).outputs).toMatchObject({ outcome: 'rolled-back', 'postgres-reverted': '2' })
}, 180_000)
