import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Database, type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { keepCases } from './keep-cases.ts'
import { type Before, catalog, databaseBefore, type State, stateOf, unlike } from './keep-proof.ts'
import { endKeep, keep, killedAfter, leftovers, migrate, type Options, readKept } from './keeping.ts'
import { undo } from './undo.ts'

const MINUTES = 60_000
const lines: string[] = []
let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
}, MINUTES)
afterAll(async () => {
  await server?.stop()
  process.stdout.write(`\n${lines.join('\n')}\n`)
})

type Ground = Before & { readonly start: State }
/** A part of the way there and back, which may run again. */
type Part = (ground: Ground, options: Options) => Promise<void>

/** Everything that a killed run can leave, as text, without the numbers of the manifest: a run that is killed takes some. */
async function resultOf(database: Database): Promise<readonly string[]> {
  const { schema, contents } = await stateOf(database)
  const all = [schema, [...contents], await readKept(database), await leftovers(database)]
  return all.map(each => JSON.stringify(each).replaceAll(/(langfuse_rollout_keep_|carry_write\(')\d+/g, '$1'))
}

/** Whether this error, or one that it was made of, is the kill. */
const isKill = (error: unknown): boolean =>
  error instanceof Error && (error.message === 'killed' || isKill(error.cause))

/** A database whose connections tell what they run, before they do, and work in small batches. */
function telling(database: Database, tell: (sql: string) => void): Database {
  const connect: Database['connect'] = async () => {
    const client = await database.connect()
    const query = client.query.bind(client) as (sql: string, values?: unknown[]) => Promise<unknown>
    const told = async (sql: string, values?: unknown[]): Promise<unknown> => {
      if (!sql.startsWith('--') && sql !== 'ROLLBACK') tell(sql)
      return query(sql.replace(/(?<=langfuse_rollout\.batch', ')\d+/, '2'), values)
    }
    return Object.assign(client, { query: told }) as typeof client
  }
  return { ...database, connect }
}

describe.each(keepCases)('$migration', ({ migration, hostile }) => {
  const parts: Readonly<Record<string, { readonly before: readonly Part[]; readonly killed: Part }>> = {
    keep: { before: [], killed: ({ database }, options) => keep(database, catalog, migration, options) },
    close: {
      before: [kept, migrated],
      killed: ({ database }, options) => endKeep(database, catalog, 'close', migration, options),
    },
    reverse: {
      before: [kept],
      killed: ({ database }, options) => endKeep(database, catalog, 'reverse', migration, options),
    },
    'give back': {
      before: [kept, migrated, ({ database }) => endKeep(database, catalog, 'close', migration)],
      killed: async ({ database }, { tell = () => undefined }) => {
        await undo(telling(database, tell), catalog, [migration], 'rollback')
      },
    },
  }
  function kept({ database }: Ground): Promise<void> {
    return keep(database, catalog, migration, { batch: 10_000 })
  }
  function migrated({ database, applied }: Ground): Promise<void> {
    return migrate(database, catalog, applied, [migration])
  }
  let start: Before

  beforeAll(async () => {
    start = await databaseBefore(server, migration, [hostile])
  }, MINUTES)

  test.each(Object.entries(parts))(
    '%s, killed before each of its statements and run again, ends as if undisturbed',
    async (name, { before, killed }) => {
      const template = {
        ...start,
        database: await server.fresh(start.database),
        start: await stateOf(start.database),
      }
      for (const part of before) await part(template, {})
      const copy = async (): Promise<Ground> => ({
        ...template,
        database: await server.fresh(template.database),
      })
      const calm = await copy()
      const all = killedAfter(Number.POSITIVE_INFINITY)
      await killed(calm, all)
      const wanted = await resultOf(calm.database)
      if (name !== 'keep' && name !== 'close')
        expect(unlike(template.start, await stateOf(calm.database))).toEqual([])
      for (let statement = 0; statement < all.count(); statement++) {
        const ground = await copy()
        const ended = await killed(ground, killedAfter(statement)).then(() => 'it ended', isKill)
        expect({ statement, ended }).toEqual({ statement, ended: true })
        await killed(ground, {})
        const found = await resultOf(ground.database)
        expect({ statement, found }).toEqual({ statement, found: wanted })
        await server.drop(ground.database)
      }
      lines.push(`${migration}: ${name}: killed ${all.count()} times`)
    },
    10 * MINUTES,
  )
})
