import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import type { DataSet } from './data/data-sets.ts'
import { stepsOf, type Verdict, walkDown } from './walk.ts'

export const catalog = loadCatalog(new URL('../../', import.meta.url))
export const steps = stepsOf(catalog)

/**
 * Every migration after 2.93.7 is undone on a real PostgreSQL by the executor, with the rows in place that threaten
 * it, from the state that the catalog says it leaves to the state that the catalog says it met.
 */
export function proveOn(dataSets: readonly DataSet[]): void {
  const verdicts = new Map<string, readonly Verdict[]>()
  let server: PostgresServer

  beforeAll(async () => {
    server = await startPostgresServer()
    await Promise.all(
      dataSets.map(async dataSet => {
        const walked = await walkDown({ catalog, dataSet, steps, fresh: () => server.fresh() })
        verdicts.set(dataSet.name, walked)
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
}

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
