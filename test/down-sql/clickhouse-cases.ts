import { afterAll, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { useClickHouse } from '../schema/databases.ts'
import {
  type Ground,
  isExact,
  newestOf,
  problemsOf,
  proveEach,
  proveJumps,
  rendered,
  type Verdict,
} from './clickhouse-proof.ts'
import { type ClickHouseData, hostileClickHouse } from './data/clickhouse.ts'

const MINUTES = 60_000
const catalog = loadCatalog(new URL('../../', import.meta.url))
const newest = newestOf(catalog)
const clickhouse = useClickHouse()
const table: string[] = []

async function groundOf(name: string, data: ClickHouseData): Promise<Ground> {
  const database = await clickhouse.fresh(name)
  return { catalog, name, database, up: rendered(catalog, database, name), data }
}

/** A line of the table, and what went wrong. */
function evaluate(what: string, verdicts: readonly Verdict[]): readonly string[] {
  const archived = verdicts.reduce((sum, verdict) => sum + verdict.archived, 0)
  const lost = verdicts.flatMap(verdict => verdict.lost).length
  const exact = `${verdicts.filter(isExact).length}/${verdicts.length} exact`
  table.push(`${what.padEnd(44)} ${exact}, ${archived} rows archived, ${lost} lost`)
  return verdicts.flatMap(problemsOf)
}

afterAll(() => {
  process.stdout.write(`\nClickHouse down SQL\n${table.join('\n')}\n`)
})

export function proveEachOn(dataSets: readonly ClickHouseData[]): void {
  test.each(dataSets)(
    'each migration undone by itself, $name data: the older schema exactly, nothing lost, and up again',
    async data => {
      const verdicts = await proveEach(await groundOf(`each_${data.name}`, data))
      expect(verdicts).toHaveLength(newest)
      expect(evaluate(`each alone, ${data.name} data`, verdicts)).toEqual([])
    },
    15 * MINUTES,
  )
}

export function proveJumpsDown(): void {
  test(
    'from the newest head back over v4, over 3.115.0 and to 2.93.7, hostile data',
    async () => {
      const heads = [37, 26, 16, 8, 5]
      const verdicts = await proveJumps(await groundOf('jumps', hostileClickHouse), heads)
      expect(evaluate(`${newest} to ${heads.join(', ')}, hostile data`, verdicts)).toEqual([])
    },
    15 * MINUTES,
  )
}
