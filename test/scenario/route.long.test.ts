import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openRoute } from '../../sandbox/route.ts'
import { failEverywhere, matrixOf } from '../../sandbox/route-failures.ts'

test('a failure at each step of each hop of the official route ends where it was, or where the plan had said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'route-'))
  const stage = await openRoute({ folder, traces: 100 })
  try {
    const cells = await failEverywhere(stage, cell =>
      process.stdout.write(`${matrixOf([cell]).split('\n').at(-1)}\n`),
    )
    process.stdout.write(`${matrixOf(cells)}\n`)
    expect(cells.filter(({ ended }) => ended === 'elsewhere')).toEqual([])
    expect(new Set(cells.map(({ hop }) => hop)).size).toBe(3)
    expect(cells.length).toBeGreaterThanOrEqual(20)
  } finally {
    await stage.stop()
    await rm(folder, { recursive: true, force: true })
  }
}, 3_600_000)
