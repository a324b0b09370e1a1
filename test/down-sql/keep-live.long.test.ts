import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../src/adapters/machine.ts'
import { type Database, type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { keepCases } from './keep-cases.ts'
import { catalog, databaseBefore, type State, stateOf, unlike } from './keep-proof.ts'
import { endKeep, keep, leftovers, migrate } from './keeping.ts'
import { undo } from './undo.ts'

const MINUTES = 60_000
const ROWS = 5_000
const lines: string[] = []
let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
}, MINUTES)
afterAll(async () => {
  await server?.stop()
  process.stdout.write(`\n${lines.join('\n')}\n`)
})

/** A column that the running release changes, by table; none: it does not use the table. */
const columns: Readonly<Record<string, string>> = {
  event_log: 'bucket_path',
  queue_backups: 'queue_name',
  membership_invitations: 'email',
  llm_api_keys: 'secret_key',
  dataset_items: 'source_trace_id',
  dataset_item_events: 'item_id',
}

/** What the running release and its users do: rows come, change, get another key and go, and so do whole projects. */
function writes(table: string | undefined, turn: number): readonly string[] {
  const project = [
    `INSERT INTO projects (id, name, org_id) VALUES ('live ${turn}', 'Live', 'first')`,
    `UPDATE projects SET name = 'Lively' WHERE id = 'live ${turn}'`,
    `SELECT * FROM projects JOIN organizations ON organizations.id = org_id WHERE projects.id = 'live ${turn}'`,
    ...(turn % 3 === 0 ? [`DELETE FROM projects WHERE id = 'live ${turn}'`] : []),
  ]
  if (table === undefined) return project
  const like = (values: string): string =>
    `INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, to_jsonb(t) || '${values}')).*
      FROM ${table} AS t WHERE id = 'many 1'`
  const [insert, update] = project
  return [
    `${insert}`,
    like(
      `{"id": "live ${turn}", "provider": "live ${turn}", "email": "live ${turn % 7}", "adapter": "atla"}`,
    ),
    // A dataset item refers to a dataset of its project.
    ...(table === 'dataset_items'
      ? []
      : [
          like(`{"id": "of ${turn}", "project_id": "live ${turn}", "provider": "of", "email": "of ${turn}"}`),
        ]),
    `${update}`,
    `UPDATE ${table} SET ${columns[table]} = 'live ${turn}' WHERE id = 'many ${2 + ((turn * 13) % ROWS)}'`,
    `UPDATE ${table} SET id = 'moved ${turn}' WHERE id = 'many ${2 + ((turn * 31) % ROWS)}'`,
    `BEGIN; UPDATE ${table} SET ${columns[table]} = 'never' WHERE id = 'many ${2 + ((turn * 7) % ROWS)}'; ROLLBACK`,
    `SELECT count(*) FROM ${table} WHERE id = 'many ${turn}'`,
    `DELETE FROM ${table} WHERE id = 'many ${2 + ((turn * 17) % ROWS)}'`,
    ...project.slice(3),
  ]
}

type Load = { readonly waits: number[]; readonly errors: string[] }

async function load(
  database: Database,
  table: string | undefined,
  first: number,
  isOver: () => boolean,
): Promise<Load> {
  const client = await database.connect()
  const done: Load = { waits: [], errors: [] }
  for (let turn = first; !isOver() && done.errors.length === 0; turn += 2) {
    for (const sql of writes(table, turn)) {
      const began = performance.now()
      await client.query(sql).catch((error: unknown) => done.errors.push(`${sql}: ${error}`))
      done.waits.push(performance.now() - began)
    }
  }
  await client.end()
  return done
}

/** What is in `public`, with the rows of tables that are moved aside in their place, and without the triggers. */
async function withKept(database: Database, { schema, contents }: State): Promise<State> {
  const moved = await database.run(
    `SELECT relation, stored_as FROM langfuse_rollout.kept WHERE how = 'moved'`,
  )
  const rows = new Map(contents)
  for (const { relation, stored_as: stored } of moved) {
    const all = await database.run(`SELECT to_jsonb(t)::text AS row FROM langfuse_rollout."${stored}" AS t`)
    rows.set(String(relation), all.map(({ row }) => String(row)).toSorted())
  }
  const own = Object.entries(schema).filter(([key]) => !key.includes('langfuse_rollout_keep_'))
  return { schema: Object.fromEntries(own), contents: rows }
}

describe.each(keepCases)('$migration', ({ migration, keeps, hostile, large }) => {
  test.each(['the migration runs', 'it does not run'])(
    'two writers notice nothing, and nothing that they wrote is missing, when %s',
    async what => {
      const { database, applied } = await databaseBefore(server, migration, [hostile, large(ROWS)])
      const table = keeps.map(([, name]) => name).find(name => name in columns)
      let isOver = false
      const initial = await stateOf(database)
      const loads = [0, 1].map(first => load(database, table, first, () => isOver))
      try {
        await keep(database, catalog, migration, { batch: 250 })
        await systemClock.sleep(300)
      } catch (error) {
        isOver = true
        throw error
      }
      if (what === 'the migration runs') {
        isOver = true
        await Promise.all(loads)
        const before = await withKept(database, await stateOf(database))
        await migrate(database, catalog, applied, [migration])
        await endKeep(database, catalog, 'close', migration)
        await undo(database, catalog, [migration], 'rollback')
        expect(unlike(before, await stateOf(database))).toEqual([])
      } else {
        await endKeep(database, catalog, 'reverse', migration)
        isOver = true
        await Promise.all(loads)
        expect(await leftovers(database)).toEqual([])
        const { schema, contents } = await stateOf(database)
        expect(schema).toEqual(initial.schema)
        for (const [, name] of keeps.filter(([, , how]) => how === 'moved'))
          expect(contents.get(name)).toEqual(initial.contents.get(name))
      }
      const done = await Promise.all(loads)
      const waits = done.flatMap(each => each.waits)
      expect(done.flatMap(({ errors }) => errors)).toEqual([])
      expect(waits.length).toBeGreaterThan(50)
      lines.push(
        `${migration}, ${what}: ${waits.length} queries, longest ${Math.max(...waits).toFixed(0)} ms`,
      )
    },
    5 * MINUTES,
  )
})
