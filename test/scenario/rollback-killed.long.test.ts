import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { type StackSnapshot, takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { type StatementWatcher, type WatchedStores, watchStatements } from '../../sandbox/statements.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { isWrite, webImage } from './support.ts'
import { columnsMissingFor } from './usable.ts'

/**
 * The runner's machine is lost in the middle of a rollback: SIGKILL at one of its SQL statements or AWS calls, before
 * it is carried out, or after it was and before the answer comes. The rollback is started again and has to end as if
 * nothing had happened; and whenever it was lost, PostgreSQL is usable by one of the two releases.
 *
 * By default after every writing AWS call and at every fifth SQL statement; THOROUGH=after: after all of them,
 * THOROUGH=1: also before, which takes hours. Each stage takes its share and deploys again in between.
 */
const THOROUGH = process.env['THOROUGH']
const STAGES = Number(process.env['STAGES'] ?? 3)
/** The moments of this run: those whose name has ONLY, or some of all, as `74-160`, for machines that have no hours at once. */
const ONLY = process.env['ONLY']
const [FIRST = 1, LAST = 10_000] = (process.env['MOMENTS'] ?? '1-10000').split('-').map(Number)
const FROM = '3.0.0'
const TO = '2.93.7'
const UPGRADE = { version: FROM, 'clickhouse-version': '24.12.3', backup: 'false' }
const catalog = loadCatalog(new URL('../../', import.meta.url))

type Watched = { readonly stage: Stage; readonly stores: WatchedStores; watcher: StatementWatcher }

let folder: string
let watched: readonly Watched[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollback-killed-'))
  watched = await Promise.all(
    Array.from({ length: STAGES }, async (_, index) => {
      const stage = await openStage({ folder: join(folder, String(index)), seed: true })
      const { databaseUrlLocal, clickhouseUrlLocal } = stage.stack
      const one: Watched = {
        stage,
        stores: await watchStatements({
          databaseUrl: databaseUrlLocal,
          clickhouseUrl: clickhouseUrlLocal,
          watch: event => one.watcher(event),
        }),
        watcher: async () => undefined,
      }
      return one
    }),
  )
})

afterAll(async () => {
  await Promise.all(watched.map(({ stores }) => stores.stop()))
  await Promise.all(watched.map(({ stage }) => stage.stop()))
  await rm(folder, { recursive: true, force: true })
})

/** The `nth` call or statement of a kind, in whatever order those side by side come. */
type Moment = { readonly kind: string; readonly nth: number; readonly phase: 'before' | 'after' }

const nameOf = ({ phase, kind, nth }: Moment) => `${phase} ${kind} #${nth}`
const SQL = 'SQL'

test('a rollback that is killed anywhere and started again ends where an undisturbed one ends', async () => {
  const [first] = watched
  if (first === undefined) throw new Error('There is no stage')
  await upgrade(first)
  const kinds = await undisturbed(first)
  const wanted = await stateOf(first)
  const moments = momentsIn(kinds)
  const queue = moments.filter((moment, index) =>
    ONLY === undefined ? index + 1 >= FIRST && index < LAST : nameOf(moment).includes(ONLY),
  )
  const chosen = queue.length
  const failures: string[] = []
  const unreached: string[] = []
  await Promise.all(
    watched.map(async one => {
      for (let moment = queue.shift(); moment !== undefined; moment = queue.shift()) {
        const problem = await round(one, moment, wanted).catch(async error => {
          // What a round left half-way is not the next one's fault.
          await rollback(one)
          return String(error)
        })
        if (problem === 'unreached') unreached.push(nameOf(moment))
        else if (problem !== undefined) failures.push(`${nameOf(moment)}: ${problem}`)
        process.stdout.write(`killed ${nameOf(moment)}: ${problem ?? 'the same in the end'}\n`)
      }
    }),
  )
  const reached = chosen - unreached.length
  const statements = kinds.filter(kind => kind === SQL).length
  process.stdout.write(
    `${statements} SQL statements, ${kinds.length - statements} AWS calls. Killed and started again: ${reached - failures.length}/${reached}${unreached.length > 0 ? `; not made again in its round: ${unreached.join(', ')}` : ''}\n`,
  )
  expect(failures).toEqual([])
  expect(unreached.filter(name => isWrite({ operation: name.split(/[. ]/)[2] ?? '' }))).toEqual([])
}, 10_800_000)

async function upgrade({ stage }: Watched): Promise<void> {
  const { outputs, commands } = await stage.run('deploy', UPGRADE)
  if (outputs['outcome'] !== 'deployed')
    throw new Error(`The upgrade before it: ${outputs['outcome']} (${commands.at(-1)?.message})`)
}

/** Every statement and call of one rollback, in order. */
async function undisturbed(one: Watched): Promise<readonly string[]> {
  const kinds: string[] = []
  one.watcher = async ({ phase }) => {
    if (phase === 'before') kinds.push(SQL)
    return undefined
  }
  const end = one.stage.stack.sandbox.world.onRequest(event => {
    if (event.phase === 'before') kinds.push(`${event.service}.${event.operation}`)
  })
  const result = await rollback(one)
  end()
  expect(result.outputs['outcome']).toBe('rolled-back')
  return kinds
}

function rollback({ stage, stores }: Watched, lost?: AbortSignal) {
  const urls = { 'database-url': stores.databaseUrl, 'clickhouse-url': stores.clickhouseUrl }
  return stage.run('rollback', { to: TO, ...urls }, lost === undefined ? {} : { lost })
}

function momentsIn(kinds: readonly string[]): readonly Moment[] {
  const counts = new Map<string, number>()
  return kinds.flatMap((kind): readonly Moment[] => {
    const nth = (counts.get(kind) ?? 0) + 1
    counts.set(kind, nth)
    const both = [
      { kind, nth, phase: 'before' },
      { kind, nth, phase: 'after' },
    ] as const
    if (THOROUGH !== undefined) return THOROUGH === 'after' ? both.slice(1) : both
    if (kind === SQL) return nth % 5 === 0 ? both : []
    return isWrite({ operation: kind.split('.')[1] ?? '' }) ? both.slice(1) : []
  })
}

/** What is wrong after one kill and one rollback more; undefined: nothing. */
async function round(one: Watched, moment: Moment, wanted: State): Promise<string | undefined> {
  await upgrade(one)
  const reached = await killAt(one, moment)
  const unusable = await usableByNone(one)
  const again = await rollback(one)
  if (!reached) return 'unreached'
  if (unusable !== undefined) return `PostgreSQL was left in a state that no release can use: ${unusable}`
  const outcome = again.outputs['outcome']
  if (outcome !== 'rolled-back' && outcome !== 'unchanged')
    throw new Error(`${outcome}: ${again.commands.at(-1)?.message}`)
  const state = await stateOf(one)
  return JSON.stringify(state) === JSON.stringify(wanted)
    ? undefined
    : `${outcome}, but ${JSON.stringify(state)} instead of ${JSON.stringify(wanted)}`
}

/** False when the rollback ended without coming to that moment. */
async function killAt(one: Watched, { kind, nth, phase }: Moment): Promise<boolean> {
  const lost = new AbortController()
  const ended = Promise.withResolvers<void>()
  let count = 0
  let number: number | undefined
  const meets = async (event: { kind: string; phase: string; number: number }) => {
    if (lost.signal.aborted) return 'drop' as const
    if (event.kind !== kind) return undefined
    if (event.phase === 'before') count += 1
    if (event.phase === 'before' && count === nth) number = event.number
    if (event.phase !== phase || event.number !== number) return undefined
    lost.abort()
    await ended.promise
    return 'drop' as const
  }
  one.watcher = event => meets({ ...event, kind: SQL })
  const end = one.stage.stack.sandbox.world.onRequest(event =>
    meets({ ...event, kind: `${event.service}.${event.operation}` }),
  )
  await rollback(one, lost.signal)
  ended.resolve()
  end()
  one.watcher = async () => undefined
  return lost.signal.aborted
}

/** Why neither release could work with PostgreSQL as it is now; undefined: one can. */
async function usableByNone({ stage }: Watched): Promise<string | undefined> {
  const client = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await client.connect()
  try {
    const query = async (sql: string) => (await client.query(sql)).rows
    const missing = await Promise.all(
      [FROM, TO].map(version => columnsMissingFor(catalog.postgresSnapshot(version), query)),
    )
    return missing.every(columns => columns.length > 0) ? missing.flat().join(', ') : undefined
  } finally {
    await client.end()
  }
}

/** Connections to a ClickHouse that has been replaced may still be in the pool. */
async function snapshotOf(stage: Stage, attempts = 10): Promise<StackSnapshot> {
  return takeSnapshot(stage.stack).catch(async error => {
    if (attempts <= 1) throw error
    await setTimeout(500)
    return snapshotOf(stage, attempts - 1)
  })
}

type State = Pick<StackSnapshot, 'images' | 'clickhouseHead' | 'postgresMigrations'> & {
  readonly web: string
  readonly schemas: readonly unknown[]
  readonly rows: readonly string[]
  readonly journal: readonly unknown[]
}

async function stateOf({ stage }: Watched): Promise<State> {
  const snapshot = await snapshotOf(stage)
  const client = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await client.connect()
  try {
    const journal = await client.query(
      'SELECT store, migration, phase FROM langfuse_rollout.journal ORDER BY store, migration',
    )
    return {
      images: snapshot.images,
      clickhouseHead: snapshot.clickhouseHead,
      postgresMigrations: snapshot.postgresMigrations,
      web: webImage(stage.stack.sandbox.world),
      schemas: [snapshot.postgres, snapshot.clickhouse],
      rows: Object.entries(snapshot.rows).map(([table, { rows }]) => `${table} ${rows}`),
      journal: journal.rows,
    }
  } finally {
    await client.end()
  }
}
