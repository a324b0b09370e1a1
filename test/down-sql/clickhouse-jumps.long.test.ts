import { expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { useClickHouse } from '../schema/databases.ts'
import { newestOf, problemsOf, proveJumps, rendered, versionsBetween } from './clickhouse-proof.ts'
import { emptyClickHouse, hostileClickHouse, ordinaryClickHouse } from './data/clickhouse.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()

test.each([emptyClickHouse, ordinaryClickHouse, hostileClickHouse])(
  'from the newest head to every older one down to that of 2.93.7, and up again, $name data',
  async data => {
    const name = `jumps_${data.name}`
    const database = await clickhouse.fresh(name)
    const ground = { catalog, name, database, up: rendered(catalog, database, name), data }
    const heads = versionsBetween(newestOf(catalog), 4).slice(1)
    const verdicts = await proveJumps(ground, heads)
    const archived = verdicts.reduce((sum, verdict) => sum + verdict.archived, 0)
    process.stdout.write(
      `\nClickHouse, ${data.name} data: ${verdicts.length} jumps, ${archived} rows archived\n`,
    )
    expect(verdicts.flatMap(problemsOf)).toEqual([])
  },
  45 * 60_000,
)
