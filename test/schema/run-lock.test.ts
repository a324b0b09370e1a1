import { beforeEach, expect, test } from '@jest/globals'
import { holdingLock } from '../../src/entries/hold-lock.ts'
import type { PostgresSession } from '../../src/ports/databases.ts'
import { type Claim, readLock, releaseLock, takeLock } from '../../src/schema/run-lock.ts'
import { postgresOf } from '../down-sql/undo.ts'
import { portsFor } from '../support/ports.ts'
import { stackOn2 } from '../support/stack.ts'
import { type Database, usePostgres } from './databases.ts'

const postgres = usePostgres()
let database: Database
const on = async <Value>(work: (session: PostgresSession) => Promise<Value>): Promise<Value> => {
  const session = await postgresOf(database).connect()
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}
const take = (claim: Claim) => on(session => takeLock(session, claim))
const lock = () => on(readLock)

beforeEach(async () => {
  database = await postgres.fresh()
})

const FIRST: Claim = {
  holder: 'run-1-1-aa',
  run: '1',
  attempt: 1,
  what: 'deploy of Langfuse 3.0.0',
  seconds: 600,
  abandoned: undefined,
}
const SECOND: Claim = { ...FIRST, holder: 'run-2-1-bb', run: '2', what: 'rollback to Langfuse 2.93.7' }

test('a database without a lock has none to read and none to release', async () => {
  expect(await lock()).toBeUndefined()
  await on(session => releaseLock(session, FIRST))
  expect(await database.run("SELECT FROM pg_namespace WHERE nspname = 'langfuse_rollout'")).toEqual([])
})

test('the second run is refused by the name of the first, until the first releases its lock', async () => {
  await take(FIRST)
  await take(FIRST)
  await expect(take(SECOND)).rejects.toThrow(
    /^Workflow run 1 changes this stack \(deploy of Langfuse 3\.0\.0, since .*Z\).*wait until .*Z, or run `DELETE FROM langfuse_rollout\.run_lock`\.$/,
  )
  await on(session => releaseLock(session, SECOND))
  expect(await lock()).toMatchObject({ holder: FIRST.holder, expired: false })
  await on(session => releaseLock(session, FIRST))
  await take(SECOND)
  expect(await lock()).toMatchObject({ holder: SECOND.holder, run: '2', attempt: 1 })
})

test('of many runs at the same time, one gets the lock', async () => {
  const claims = Array.from({ length: 8 }, (_, at) => ({ ...FIRST, holder: `run-${at}`, run: `${at}` }))
  const ends = await Promise.allSettled(claims.map(take))
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test.each([
  ['an expired lock', { ...FIRST, seconds: -1 }, SECOND],
  ['the lock of a run that has ended', FIRST, { ...SECOND, abandoned: FIRST.holder }],
  ['the lock of an earlier attempt', FIRST, { ...FIRST, holder: 'run-1-2-cc', attempt: 2 }],
])('%s is taken over', async (_what, left, next) => {
  await take(left)
  await take(next)
  expect(await lock()).toMatchObject({ holder: next.holder, attempt: next.attempt })
})

test.each([
  ['another job of the same attempt', { ...FIRST, holder: 'run-1-1-dd' }],
  ['an abandoned lock that somebody else has taken since', { ...SECOND, abandoned: 'run-0-1-ee' }],
])('%s is refused', async (_what, next) => {
  await take(FIRST)
  await expect(take(next)).rejects.toThrow(/holds the lock/)
})

test('a runner inside the VPC renews its lock beside its work, and releases it at the end', async () => {
  let beat: (() => void) | undefined
  let stopped = false
  const every = (_milliseconds: number, work: () => void) => {
    beat = work
    return () => {
      stopped = true
    }
  }
  const { ports } = portsFor('1')
  const locking = {
    stack: stackOn2(),
    plan: { steps: [] },
    connections: { postgres: postgresOf(database) },
  } as unknown as Parameters<typeof holdingLock>[1]
  await holdingLock(FIRST, locking, { ...ports, clock: { ...ports.clock, every } }, async () => {
    await database.run("UPDATE langfuse_rollout.run_lock SET expires = now() - interval '1 hour'")
    expect(await lock()).toMatchObject({ holder: FIRST.holder, expired: true })
    beat?.()
    for (let looks = 0; looks < 500 && (await lock())?.expired === true; looks += 1);
    expect(await lock()).toMatchObject({ holder: FIRST.holder, expired: false })
  })
  expect(stopped).toBe(true)
  expect(await lock()).toBeUndefined()
})
