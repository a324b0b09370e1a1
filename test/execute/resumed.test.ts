import { expect, test } from '@jest/globals'
import { usePostgres } from '../schema/databases.ts'
import { archiveOf, fill, type Killed, rollBack } from './resumed.ts'

const postgres = usePostgres()

/** In the phase prepare, after a part of its rows is in the archive. */
const KILLED: Killed = { when: 'after', commit: 3 }

test('a run killed in prepare and started again by another process leaves one archive, as an undisturbed one', async () => {
  const template = await postgres.fresh()
  await fill(template)
  const [one, other] = [await postgres.fresh(template), await postgres.fresh(template)]
  expect(await rollBack(one)).toBe(true)
  expect(await rollBack(other, KILLED)).toBe(false)
  expect(await rollBack(other)).toBe(true)
  const archive = await archiveOf(other)
  expect(archive).toEqual(await archiveOf(one))
  expect(archive.map(({ ids }) => ids)).toEqual(['1', '1', '1', '1'])
})

test('values that the newer release wrote after a killed run are archived, and older ones of the same rows are not', async () => {
  const database = await postgres.fresh()
  await fill(database)
  // Everything is prepared, and nothing is dropped.
  expect(await rollBack(database, { when: 'before', commit: 9 })).toBe(false)
  expect(await database.run('SELECT count(*)::int FROM langfuse_rollout.archived_columns')).toEqual([
    { count: 2 },
  ])
  await database.run(`UPDATE pets SET name = 'renamed' WHERE id IN (2, 3); DELETE FROM pets WHERE id = 4`)
  expect(await rollBack(database)).toBe(true)
  const kept = await database.run(
    `SELECT (row ->> 'id')::int AS id, row ->> 'name' AS name FROM langfuse_rollout.archived_rows
     WHERE kind = 'values' AND row ? 'name' AND (row ->> 'id')::int < 7 ORDER BY 1`,
  )
  expect(kept).toEqual([
    { id: 2, name: 'renamed' },
    { id: 3, name: 'renamed' },
    { id: 6, name: 'pet 6' },
  ])
  expect(
    await database.run('SELECT column_name, rows::int FROM langfuse_rollout.archived_columns ORDER BY 1'),
  ).toEqual([
    { column_name: 'name', rows: 2000 },
    { column_name: 'toys', rows: 3999 },
  ])
})
