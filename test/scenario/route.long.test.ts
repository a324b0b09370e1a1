import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openRoute } from '../../sandbox/route.ts'
import { type Cell, failEverywhere, matrixOf } from '../../sandbox/route-failures.ts'

/** ONLY=3.225.4 fails the one hop to it. */
const ONLY = process.env['ONLY']

test('a failure at each step of each hop of the official route ends where it was, with every row', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'route-'))
  const stage = await openRoute({ folder, traces: 100 })
  try {
    const told = (cell: Cell) => process.stdout.write(`${matrixOf([cell]).split('\n').at(-1)}\n`)
    const cells = await failEverywhere(stage, told, ONLY)
    process.stdout.write(`${matrixOf(cells)}\n`)
    expect(cells.filter(({ ended }) => ended !== 'back where it was')).toEqual([])
    expect(new Set(cells.map(({ hop }) => hop)).size).toBe(ONLY === undefined ? 3 : 1)
    expect(cells.length).toBeGreaterThanOrEqual(ONLY === undefined ? 20 : 6)
  } finally {
    await stage.stop()
    await rm(folder, { recursive: true, force: true })
  }
}, 3_600_000)
