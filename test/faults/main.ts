import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runFaults, type TableRow } from './run.ts'
import { describeRow, describeTable, isGood, loadFaults } from './table.ts'

/** `npm run faults -- [--only area, number or words] [--careful]` */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, careful: { type: 'boolean' } } })
  const rows = (await loadFaults()).filter(row => values.only === undefined || isMeant(row, values.only))
  const folder = await mkdtemp(join(tmpdir(), 'faults-'))
  try {
    console.log(`${rows.length} faults, one at a time`)
    const table = await runFaults(rows, {
      folder,
      careful: values.careful === true,
      log: line => console.log(`  ${line}`),
      onRow: row => console.log(describeRow(row)),
    })
    console.log(`\n${describeTable(table)}`)
    process.exitCode = isGood(table) ? 0 : 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function isMeant({ number, area, fault }: TableRow, only: string): boolean {
  return only.split(',').some(word => {
    if (/^\d+$/.test(word)) return number === Number(word)
    return area === word || fault.name.includes(word) || fault.expects.some(({ check }) => check === word)
  })
}

await main()
