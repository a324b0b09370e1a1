import { existsSync } from 'node:fs'
import type { Fault } from './fault.ts'
import type { RowResult, Table, TableRow } from './run.ts'

/** In the order of the table. Each is a file of this folder that exports lists of faults. */
const AREAS = ['services', 'storage', 'network', 'control-plane', 'databases', 'canary', 'drift']

/** Every fault there is, numbered. */
export async function loadFaults(): Promise<readonly TableRow[]> {
  const files = AREAS.map(area => ({ area, url: new URL(`./${area}.ts`, import.meta.url) }))
  const faults = await Promise.all(
    files.map(async ({ area, url }) =>
      existsSync(url) ? faultsIn(await import(url.href)).map(fault => ({ area, fault })) : [],
    ),
  )
  return faults.flat().map((row, index) => ({ number: index + 1, ...row }))
}

function faultsIn(module: object): readonly Fault[] {
  return Object.values(module).flatMap(exported => (Array.isArray(exported) ? exported.filter(isFault) : []))
}

function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'put' in value && 'expects' in value
}

/** A row of the printed table: what was done, and what verify said. */
export function describeRow({ number, area, fault, problems, changed, milliseconds }: RowResult): string {
  const row = fault.row === undefined ? '' : ` (row ${fault.row})`
  const head = `${String(number).padStart(3)} ${problems.length === 0 ? '✔' : '✘'} ${area.padEnd(13)} ${fault.name}${row} · ${(milliseconds / 1_000).toFixed(1)} s`
  const seen = changed.map(
    ({ id, state, sentence }) => `        ${id.padEnd(24)} ${state.padEnd(12)} ${sentence}`,
  )
  return [head, ...seen, ...problems.map(problem => `      ✘ ${problem}`)].join('\n')
}

/** What it all comes to. */
export function describeTable({ stages, rows }: Table): string {
  const good = rows.filter(row => row.problems.length === 0).length
  const areas = [...new Set(rows.map(row => row.area))].map(area => {
    const own = rows.filter(row => row.area === area)
    return `${area} ${own.filter(row => row.problems.length === 0).length}/${own.length}`
  })
  const healthy = stages.flatMap(({ name, passed, skipped, problems }) => [
    `Healthy stack "${name}": ${passed} passed, ${skipped.length} skipped${skipped.length > 0 ? ` (${skipped.map(check => check.id).join(', ')})` : ''}, ${problems.length} other`,
    ...problems.map(problem => `  ✘ ${problem}`),
  ])
  return [...healthy, areas.join(', '), `${good}/${rows.length} faults are found as they should be`].join(
    '\n',
  )
}

export function isGood({ stages, rows }: Table): boolean {
  return rows.every(row => row.problems.length === 0) && stages.every(stage => stage.problems.length === 0)
}
