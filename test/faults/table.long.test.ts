import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { diagramsIn, problemsOfDiagrams } from '../support/mermaid.ts'
import { runFaults, type Table } from './run.ts'
import { loadFaults } from './table.ts'

/** Each fault is put into a healthy stack; the right check finds it, no other does, and it names the cause. */
const rows = await loadFaults()
let folder: string
let table: Table

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faults-'))
  table = await runFaults(rows, { folder, log: () => undefined })
}, 1_800_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test('a healthy stack has nothing that failed, nothing to warn of, nothing unseen; also after all faults', () => {
  expect(
    table.stages.flatMap(({ name, problems }) => problems.map(problem => `${name}: ${problem}`)),
  ).toEqual([])
})

test.each(rows.map(row => [row.number, row.area, row.fault.name] as const))('%d %s: %s', number => {
  expect(table.rows.find(row => row.number === number)?.problems).toEqual([])
})

test('the picture in every summary is one that Mermaid draws', async () => {
  const diagrams = table.rows.flatMap(row => diagramsIn(row.summary))
  expect(diagrams.length).toBe(rows.length)
  expect(await problemsOfDiagrams(diagrams)).toEqual([])
})
