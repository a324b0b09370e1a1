import { readdirSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { hostileRows } from './data/data-sets.ts'
import { hostile, ownObjects } from './data/hostile.ts'
import { catalog, proveOn, steps } from './proof.ts'

proveOn([hostileRows()])

test('the steps lead from the oldest release to the newest', () => {
  const newest = catalog.releases.at(-1)?.version ?? ''
  expect(steps[0]?.before).toEqual(catalog.postgresSnapshot('2.93.7'))
  expect(steps.at(-1)?.after).toEqual(catalog.postgresSnapshot(newest))
  const base = new Set(catalog.postgresMigrations('2.93.7').map(({ name }) => name))
  const later = catalog.postgresMigrations(newest).filter(({ name }) => !base.has(name))
  expect(steps.map(({ migration }) => migration).sort()).toEqual(later.map(({ name }) => name).sort())
})

test('each migration of any release has one file, each file is whole, and there is no other', () => {
  const names = catalog.laterPostgresMigrations().map(({ name }) => name)
  const files = readdirSync(new URL('../../down-sql/postgres/', import.meta.url))
  expect(files.sort()).toEqual(names.map(name => `${name}.sql`).sort())
  for (const name of names) expect(catalog.downSql('postgres', name)).toMatchObject({ migration: name })
})

test('the hostile rows are of at least 29 kinds, and threaten only migrations that there are', () => {
  expect(new Set([...hostile, ...ownObjects].map(({ what }) => what)).size).toBe(
    hostile.length + ownObjects.length,
  )
  expect(hostile.length).toBeGreaterThanOrEqual(29)
  const names = new Set(steps.map(({ migration }) => migration))
  expect(hostile.filter(({ undoing }) => !names.has(undoing))).toEqual([])
})
