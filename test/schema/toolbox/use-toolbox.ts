import { beforeAll, beforeEach, expect } from '@jest/globals'
import { loadCatalog } from '../../../src/schema/catalog.ts'
import { type Database, type Rows, usePostgres } from '../databases.ts'

export type Toolbox = {
  /** The database of the running test: an archive with its functions, and nothing in `public`. */
  readonly database: () => Database
  run(sql: string): Promise<Rows>
  /** Calls functions of the toolbox, given without their schema; answers the first one's result. */
  call(...calls: readonly string[]): Promise<unknown>
  /** Calls them two times: the second time nothing may change, in `public` and in the archive. */
  callTwice(...calls: readonly string[]): Promise<void>
  /** The archive without definitions, of `row` only what is asked for. */
  archived(): Promise<Rows>
  definitions(): Promise<Rows>
  /** The rows of a table, in the order of their text. */
  rows(table: string): Promise<readonly unknown[]>
  /** What an error says, and that nothing changed. */
  refusal(...calls: readonly string[]): Promise<string>
}

const catalog = loadCatalog(new URL('../../../', import.meta.url))

/** A database with the toolbox for each test. */
export function useToolbox(): Toolbox {
  const postgres = usePostgres()
  let template: Database
  let database: Database
  beforeAll(async () => {
    template = await postgres.fresh()
    await template.run(catalog.toolbox('postgres'))
  })
  beforeEach(async () => {
    database = await postgres.fresh(template)
    await database.run(`SET langfuse_rollout.rollback_id = 'r'; SET langfuse_rollout.migration = 'm'`)
  })
  const run = (sql: string): Promise<Rows> => database.run(sql)
  const call = async (...calls: readonly string[]): Promise<unknown> => {
    let first: unknown
    for (const [position, sql] of calls.entries()) {
      const [row] = await run(`SELECT langfuse_rollout.${sql} AS result`)
      if (position === 0) first = row?.['result']
    }
    return first
  }
  const everything = async () => ({
    schema: await database.snapshot(),
    archive: await run('SELECT to_jsonb(a) AS row FROM langfuse_rollout.archived_rows AS a ORDER BY id'),
    stored: await run(`SELECT relname, pg_get_indexdef(oid) FROM pg_class
      WHERE relnamespace = 'langfuse_rollout'::regnamespace ORDER BY 1, 2`),
  })
  return {
    database: () => database,
    run,
    call,
    callTwice: async (...calls) => {
      await call(...calls)
      const before = await everything()
      await call(...calls)
      expect(await everything()).toEqual(before)
    },
    archived: () =>
      run(`SELECT relation, reason, kind, row FROM langfuse_rollout.archived_rows
        WHERE kind <> 'definition' AND rollback_id = current_setting('langfuse_rollout.rollback_id')
          AND migration = 'm' ORDER BY relation, row ->> 'id', id`),
    definitions: () =>
      run(
        `SELECT relation, reason, row FROM langfuse_rollout.archived_rows WHERE kind = 'definition' ORDER BY id`,
      ),
    rows: async table => {
      const all = await run(`SELECT t.* FROM ${table} AS t ORDER BY t::text`)
      return all.map(row => ({ ...row }))
    },
    refusal: async (...calls) => {
      const before = await everything()
      await run('BEGIN')
      const error: unknown = await call(...calls).catch((thrown: unknown) => thrown)
      await run('ROLLBACK')
      expect(await everything()).toEqual(before)
      if (!(error instanceof Error)) throw new Error(`${calls.join(', ')} was not refused.`)
      return error.message
    },
  }
}
