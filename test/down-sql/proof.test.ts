import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { empty, hostileRows, ordinary } from './data/data-sets.ts'
import { hostile, ownObjects } from './data/hostile.ts'
import { stepsOf, type Verdict, walkDown } from './walk.ts'

/**
 * Every migration after 2.93.7 is undone on a real PostgreSQL by the executor, with the rows in place that threaten
 * it, from the state that the catalog says it leaves to the state that the catalog says it met.
 */
const catalog = loadCatalog(new URL('../../', import.meta.url))
const steps = stepsOf(catalog)
const dataSets = [empty, ordinary(), hostileRows(), hostileRows({ isLate: true })]
const verdicts = new Map<string, readonly Verdict[]>()
let server: PostgresServer

beforeAll(async () => {
  server = await startPostgresServer()
  await Promise.all(
    dataSets.map(async dataSet => {
      verdicts.set(dataSet.name, await walkDown({ catalog, dataSet, steps, fresh: () => server.fresh() }))
    }),
  )
}, 600_000)
afterAll(async () => {
  await server?.stop()
  process.stdout.write(tableOf(new Map(dataSets.map(({ name }) => [name, verdicts.get(name) ?? []]))))
})

describe.each(dataSets.map(({ name }) => name))('on %s data', name => {
  test('every migration is undone exactly, and no row is lost', () => {
    const all = verdicts.get(name) ?? []
    expect(
      Object.fromEntries(
        all.flatMap(each => (each.problems.length > 0 ? [[each.migration, each.problems]] : [])),
      ),
    ).toEqual({})
    expect(all.map(({ migration }) => migration)).toEqual(steps.map(({ migration }) => migration))
  })
})

test('the steps lead from the oldest release to the newest', () => {
  const newest = catalog.releases.at(-1)?.version ?? ''
  expect(steps[0]?.before).toEqual(catalog.postgresSnapshot('2.93.7'))
  expect(steps.at(-1)?.after).toEqual(catalog.postgresSnapshot(newest))
  const base = new Set(catalog.postgresMigrations('2.93.7').map(({ name }) => name))
  const later = catalog.postgresMigrations(newest).filter(({ name }) => !base.has(name))
  expect(steps.map(({ migration }) => migration).sort()).toEqual(later.map(({ name }) => name).sort())
})

test('each migration of any release has one file, each file is whole, and there is no other', () => {
  const names = catalog.laterPostgresMigrations().map(({ name }) => name)
  const files = readdirSync(new URL('../../down-sql/postgres/', import.meta.url))
  expect(files.sort()).toEqual(names.map(name => `${name}.sql`).sort())
  for (const name of names) expect(catalog.downSql('postgres', name)).toMatchObject({ migration: name })
})

test('the hostile rows are of at least 29 kinds, and threaten only migrations that there are', () => {
  expect(new Set([...hostile, ...ownObjects].map(({ what }) => what)).size).toBe(
    hostile.length + ownObjects.length,
  )
  expect(hostile.length).toBeGreaterThanOrEqual(29)
  const names = new Set(steps.map(({ migration }) => migration))
  expect(hostile.filter(({ undoing }) => !names.has(undoing))).toEqual([])
})

function tableOf(results: ReadonlyMap<string, readonly Verdict[]>): string {
  const lines = [...results].map(([name, all]) => {
    const exact = all.filter(({ problems }) =>
      problems.every(line => !line.startsWith('schema: ') && line.includes(': ')),
    )
    const lost = all.flatMap(({ problems }) => problems.filter(line => line.startsWith('rows: ')))
    const sum = (of: (verdict: Verdict) => number): number => all.reduce((total, each) => total + of(each), 0)
    return [
      name,
      `${exact.length}/${all.length}`,
      lost.length,
      sum(({ rows }) => rows),
      sum(({ archived }) => archived),
    ]
  })
  const table = [['data', 'exact', 'rows lost', 'rows looked at', 'in the archive'], ...lines]
  return `\nPostgres migrations undone, each from the state after it:\n${table.map(line => line.map(cell => String(cell).padEnd(15)).join('')).join('\n')}\n`
}
