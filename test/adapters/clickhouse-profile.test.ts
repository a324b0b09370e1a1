import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createClickHouse } from '../../src/adapters/clickhouse.ts'
import { type UndoContext, undoClickHouse } from '../../src/execute/undo-clickhouse.ts'
import type { ClickHouse, Row } from '../../src/ports/databases.ts'
import { CLICKHOUSE_SETTINGS } from '../../src/schema/clickhouse-settings.ts'
import { parseDownSql } from '../../src/schema/down-sql.ts'
import { type ClickHouseDatabase, useClickHouse } from '../schema/databases.ts'
import { FACTS } from '../support/stack.ts'

const clickhouse = useClickHouse()
let database: ClickHouseDatabase
const servers: Server[] = []

beforeAll(async () => {
  database = await clickhouse.fresh('profiled')
})
beforeEach(async () => {
  await database.run('DROP TABLE IF EXISTS pets')
  await database.run(
    'CREATE TABLE pets (id Int32, name String, version Int32) ENGINE = ReplacingMergeTree(version) ORDER BY id',
  )
  await database.run("INSERT INTO pets SELECT number, concat('pet ', toString(number)), 1 FROM numbers(10)")
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

type Profile = Readonly<Record<string, string>>

/**
 * ClickHouse for a user with this profile: what the request sets wins over it.
 * @param ignored a setting that the request does not set after all
 * @param policy what no request can override, here as a filter
 * @param old a setting that the server does not know
 */
async function as(
  profile: Profile,
  { ignored = '', policy = {} as Profile, old = '' } = {},
): Promise<ClickHouse> {
  const server = createServer(async (request, response) => {
    const given = [...new URL(request.url ?? '/', 'http://x').searchParams].filter(
      ([name]) => name !== ignored,
    )
    if (given.some(([name]) => name === old)) {
      response.statusCode = 404
      response.end(`Code: 115. DB::Exception: Unknown setting '${old}'. (UNKNOWN_SETTING)`)
      return
    }
    const query = new URLSearchParams([...Object.entries(profile), ...given, ...Object.entries(policy)])
    const answer = await fetch(`${database.url}/?${query}`, { method: 'POST', body: await text(request) })
    response.statusCode = answer.status
    response.end(await answer.text())
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return createClickHouse({
    url: `http://127.0.0.1:${port}`,
    user: 'default',
    password: '',
    database: 'profiled',
  })
}

type Trial = {
  /** The setting itself, or with others that it works with. */
  readonly hostile: string | Profile
  /** What the setting spoils: of several statements, the last one answers. */
  readonly asks: string | readonly string[]
  /** All rows, or how the error begins that is better than a part of them. */
  readonly good: readonly Row[] | RegExp
}

const COUNT = 'SELECT count() AS n FROM pets'
const LARGE = {
  hostile: '1',
  asks: 'SELECT count() AS n FROM pets WHERE NOT ignore(name)',
  good: [{ n: '10' }],
}
const setting = (name: string) => `SELECT getSetting('${name}') AS value`

const TRIALS: Readonly<Record<string, Trial>> = {
  additional_table_filters: { hostile: "{'pets': 'id > 3'}", asks: COUNT, good: [{ n: '10' }] },
  additional_result_filter: { hostile: 'n > 100', asks: COUNT, good: [{ n: '10' }] },
  limit: { hostile: '1', asks: 'SELECT id FROM pets WHERE id < 2', good: [{ id: 0 }, { id: 1 }] },
  offset: { hostile: '1', asks: 'SELECT id FROM pets WHERE id < 2', good: [{ id: 0 }, { id: 1 }] },
  final: { hostile: '1', asks: ["INSERT INTO pets SELECT 1, 'newer', 2", COUNT], good: [{ n: '11' }] },
  apply_deleted_mask: { hostile: '0', asks: ['DELETE FROM pets WHERE id = 1', COUNT], good: [{ n: '9' }] },
  use_query_cache: { hostile: '1', asks: setting('use_query_cache'), good: [{ value: false }] },
  max_result_rows: {
    hostile: '1',
    asks: 'SELECT id FROM pets WHERE id < 3 ORDER BY id',
    good: [{ id: 0 }, { id: 1 }, { id: 2 }],
  },
  max_result_bytes: { ...LARGE, asks: 'SELECT id FROM pets WHERE id < 1', good: [{ id: 0 }] },
  max_rows_to_read: LARGE,
  max_bytes_to_read: LARGE,
  max_execution_time: { hostile: '0.1', asks: 'SELECT sleep(0.4) AS n', good: [{ n: 0 }] },
  group_by_overflow_mode: {
    hostile: { group_by_overflow_mode: 'any', max_rows_to_group_by: '2' },
    asks: 'SELECT count() AS n FROM (SELECT id FROM pets GROUP BY id)',
    good: /Code: 158\./,
  },
  sort_overflow_mode: {
    hostile: { sort_overflow_mode: 'break', max_rows_to_sort: '2', max_block_size: '1' },
    asks: 'SELECT count() AS n FROM (SELECT id FROM pets ORDER BY name LIMIT 100)',
    good: /Code: 396\.|Code: 158\./,
  },
  distinct_overflow_mode: {
    hostile: { distinct_overflow_mode: 'break', max_rows_in_distinct: '2' },
    asks: 'SELECT count() AS n FROM (SELECT DISTINCT name FROM pets)',
    good: /Code: 191\./,
  },
  set_overflow_mode: {
    hostile: { set_overflow_mode: 'break', max_rows_in_set: '2' },
    asks: 'SELECT count() AS n FROM pets WHERE id NOT IN (SELECT id FROM pets)',
    good: /Code: 191\./,
  },
  join_overflow_mode: {
    hostile: { join_overflow_mode: 'break', max_rows_in_join: '2' },
    asks: 'SELECT count() AS n FROM pets AS a INNER JOIN pets AS b ON a.id = b.id',
    good: /Code: 191\./,
  },
  async_insert: { hostile: '1', asks: setting('async_insert'), good: [{ value: false }] },
  alter_sync: { hostile: '0', asks: setting('alter_sync'), good: [{ value: 1 }] },
  mutations_sync: { hostile: '0', asks: setting('mutations_sync'), good: [{ value: 1 }] },
  max_table_size_to_drop: {
    hostile: '1',
    asks: ['DROP TABLE pets', 'EXISTS TABLE pets'],
    good: [{ result: 0 }],
  },
  session_timezone: {
    hostile: 'Asia/Tokyo',
    asks: 'SELECT toString(toDateTime(0)) AS t',
    good: [{ t: '1970-01-01 00:00:00' }],
  },
}

test('each setting that requests override is tried', () => {
  expect(Object.keys(TRIALS).sort()).toEqual(Object.keys(CLICKHOUSE_SETTINGS).sort())
})

async function answerOf({ asks }: Trial, store: ClickHouse): Promise<unknown> {
  let answer: unknown
  try {
    for (const sql of typeof asks === 'string' ? [asks] : asks) answer = await store.run(sql)
  } catch (error) {
    return (error as Error).message
  }
  return answer
}

const isGood = (answer: unknown, { good }: Trial): boolean =>
  good instanceof RegExp ? good.test(String(answer)) : JSON.stringify(answer) === JSON.stringify(good)

test.each(Object.keys(TRIALS))('%s of a profile does not reach a request', async name => {
  const trial = TRIALS[name]
  if (trial === undefined) throw new Error(name)
  const profile = typeof trial.hostile === 'string' ? { [name]: trial.hostile } : trial.hostile
  const answer = await answerOf(trial, await as(profile))
  expect({ answer, good: isGood(answer, trial) }).toEqual({ answer, good: true })
  await database.run('DROP TABLE IF EXISTS pets')
  await database.run(
    'CREATE TABLE pets (id Int32, name String, version Int32) ENGINE = ReplacingMergeTree(version) ORDER BY id',
  )
  await database.run("INSERT INTO pets SELECT number, concat('pet ', toString(number)), 1 FROM numbers(10)")
  const spoiled = await answerOf(trial, await as(profile, { ignored: name }))
  expect({ spoiled, good: isGood(spoiled, trial) }).toEqual({ spoiled, good: false })
})

test('a user who may only read is told so, with what to do', async () => {
  const store = await as({}, { policy: { readonly: '1' } })
  await expect(store.run("INSERT INTO pets SELECT 1, 'x', 1")).rejects.toThrow(
    /lets user default neither write nor change all settings\. Remove `readonly` and constraints from the profile/,
  )
})

test('a server that does not know a setting gets the others', async () => {
  const store = await as({ limit: '1' }, { old: 'use_query_cache' })
  expect(await store.run('SELECT id FROM pets WHERE id < 2')).toHaveLength(2)
  await expect(store.run('SELECT 1 SETTINGS nothing = 1')).rejects.toThrow('refused a statement: Code: 115.')
})

describe('a column whose values are archived', () => {
  const file = parseDownSql({
    engine: 'clickhouse',
    migration: '0012',
    text: `-- undoes: 0012
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.archive_column('pets', 'name', 'name != ''''');
SELECT langfuse_rollout.drop_columns('pets', 'name');
-- end
`,
  })
  const context: UndoContext = {
    facts: { ...FACTS, toolbox: engine => FACTS.toolbox(engine), downSql: () => file },
    clock: { now: () => 0, random: () => 0, every: () => () => undefined, sleep: async () => undefined },
    deadline: 600_000,
    rollbackId: 'profiled',
    say: () => undefined,
  }
  const undo = (phase: 'expand' | 'contract', store: ClickHouse) =>
    undoClickHouse({ phase, clickhouse: [12], clickhouseHead: undefined }, store, context)
  const filter = { additional_table_filters: "{'profiled.pets': 'id > 5'}" }

  beforeEach(async () => {
    await database.run('DROP DATABASE IF EXISTS langfuse_rollout')
  })

  test('is dropped when the archive has them all, whatever filter the profile has', async () => {
    const store = await as(filter)
    await undo('expand', store)
    expect(await undo('contract', store)).toBe(10)
    const [kept] = await database.rows('SELECT stored_as FROM langfuse_rollout.archived')
    expect(await database.rows(`SELECT count() AS n FROM langfuse_rollout.${kept?.['stored_as']}`)).toEqual([
      { n: 10 },
    ])
  })

  test('is not touched when a policy hides rows: both numbers are named', async () => {
    const store = await as({}, { policy: filter })
    await expect(undo('expand', store)).rejects.toMatchObject({
      message: 'Rows of ClickHouse table pets would be lost. Nothing was changed.',
      cause: { message: expect.stringContaining('Queries read 4 of the 10 rows in the parts of `pets`') },
    })
    await expect(undo('contract', store)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('Queries read 4 of the 10 rows in the parts of `pets`') },
    })
    expect(await database.rows(`SELECT count() AS n FROM pets WHERE name != ''`)).toEqual([{ n: 10 }])
  })

  test('stays when its copy is not whole', async () => {
    const store = await as({})
    const losing: ClickHouse = {
      ...store,
      run: sql =>
        store.run(
          sql.replace("WHERE name != ''\n     SETTINGS", "WHERE name != '' AND id > 5\n     SETTINGS"),
        ),
    }
    await undo('expand', losing)
    await expect(undo('contract', losing)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('The archive received 4 of 10 rows of pets.name') },
    })
    expect(await database.rows(`SELECT count() AS n FROM pets WHERE name != ''`)).toEqual([{ n: 10 }])
    expect(await undo('contract', store)).toBe(10)
  })
})
