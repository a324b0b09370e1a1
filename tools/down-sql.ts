// Down SQL from the catalog: `node tools/down-sql.ts --print NAME`, `npm run down-sql -- --write NAME`,
// `npm run down-sql -- --check`. NAME is a Postgres migration; `--write all` writes every file that is not there yet.
import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadCatalog } from '../src/schema/catalog.ts'
import { checkDownSql } from './down-sql/check.ts'
import { skeletonOf } from './down-sql/skeleton.ts'

const ROOT = new URL('../', import.meta.url)

function main(): number {
  const { values } = parseArgs({
    options: {
      print: { type: 'string' },
      write: { type: 'string' },
      check: { type: 'boolean' },
    },
  })
  const catalog = loadCatalog(ROOT)
  if (values.print !== undefined) console.log(skeletonOf(catalog, values.print))
  else if (values.write !== undefined) write(values.write)
  else if (values.check === true) return check()
  else throw new Error('Say what to do: --print NAME, --write NAME (or all), --check')
  return 0

  function write(name: string): void {
    const names = name === 'all' ? catalog.laterPostgresMigrations().map(migration => migration.name) : [name]
    for (const each of names) {
      const file = new URL(`down-sql/postgres/${encodeURIComponent(each)}.sql`, ROOT)
      if (existsSync(file)) {
        if (name !== 'all')
          throw new Error(`There is down SQL for ${each} already: it was reviewed by hand, so it stays.`)
        continue
      }
      writeFileSync(file, skeletonOf(catalog, each))
      console.log(`wrote down-sql/postgres/${each}.sql`)
    }
  }

  function check(): number {
    const { lines, missing } = checkDownSql(catalog)
    for (const line of lines) console.log(line)
    return missing > 0 ? 1 : 0
  }
}

process.exitCode = main()
