import { expect, test } from '@jest/globals'
import { usePostgres } from '../schema/databases.ts'
import { archiveOf, fill, type Killed, rollBack } from './resumed.ts'

const postgres = usePostgres()

test('a rollback killed before or after each of its commits leaves the archive of an undisturbed one', async () => {
  const template = await postgres.fresh()
  await fill(template)
  const undisturbed = await postgres.fresh(template)
  expect(await rollBack(undisturbed)).toBe(true)
  const wanted = await archiveOf(undisturbed)
  const reached: number[] = []
  for (const when of ['before', 'after'] as const) {
    for (let commit = 1; ; commit++) {
      const killed: Killed = { when, commit }
      const database = await postgres.fresh(template)
      if (await rollBack(database, killed)) break
      reached.push(commit)
      await rollBack(database)
      expect({ killed, archive: await archiveOf(database) }).toEqual({ killed, archive: wanted })
      await database.close()
    }
  }
  expect(reached.length).toBeGreaterThan(20)
}, 600_000)
