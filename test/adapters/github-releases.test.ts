import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type GitHub, startGitHub } from '../../sandbox/github.ts'
import { gitHubReleases } from '../../src/adapters/github-releases.ts'
import { withNewerReleases } from '../../src/entries/newer-releases.ts'
import type { Ports } from '../../src/entries/ports.ts'
import { undoBetween } from '../../src/plan/rollback-class.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { fakeRunner } from '../support/runner.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const NEW = '20260901000000_newer than the catalog'
let github: GitHub

beforeAll(async () => {
  github = await startGitHub()
  github.tags.set('v4.17.0', [
    ...catalog
      .postgresMigrations('4.16.0')
      .map(({ name }) => `packages/shared/prisma/migrations/${name}/migration.sql`),
    `packages/shared/prisma/migrations/${NEW}/migration.sql`,
    'packages/shared/prisma/migrations/migration_lock.toml',
    ...catalog.clickhouseMigrations(46).flatMap(({ version, name }) => clickhouseFiles(version, name)),
    ...clickhouseFiles(47, 'newer'),
    'web/src/constants/VERSION.ts',
  ])
  github.tags.set('v4.18.0', ['packages/elsewhere/prisma/migrations/1_init/migration.sql'])
})

afterAll(() => github?.stop())

function clickhouseFiles(version: number, name: string): readonly string[] {
  const file = `packages/shared/clickhouse/migrations/unclustered/${String(version).padStart(4, '0')}_${name}`
  return [`${file}.up.sql`, `${file}.down.sql`]
}

function source(apiUrl = github.url) {
  return gitHubReleases({ token: undefined, apiUrl })
}

function ports(): Ports {
  return { facts: catalog, releases: source(), runner: fakeRunner('deploy', {}) } as unknown as Ports
}

test('the migrations of a tag are read from its folders', async () => {
  const tree = await source().read('4.17.0')
  expect(tree?.postgres).toHaveLength(433)
  expect(tree?.postgres.at(-1)).toBe(NEW)
  expect(tree?.clickhouse.at(-1)).toBe(47)
  expect(tree?.clickhouse).toHaveLength(47)
})

test('a tag that is not there is none; one that is laid out in another way is an error', async () => {
  expect(await source().read('4.99.0')).toBeUndefined()
  await expect(source().read('4.18.0')).rejects.toThrow(
    'https://github.com/langfuse/langfuse no longer has folder packages/shared/prisma/migrations.',
  )
})

test('a release that is newer than the catalog gets facts: what it brings, and what to undo to leave it', async () => {
  const { facts } = await withNewerReleases(ports(), ['4.17.0', '4.16.0', undefined])
  expect(facts.release('4.17.0')).toMatchObject({
    clickhouseHead: 47,
    postgresMigrations: 433,
    readFrom: expect.any(String),
  })
  expect(facts.releases.at(-1)?.version).toBe('4.17.0')
  const names = facts.postgresMigrations('4.17.0').map(({ name }) => name)
  const undo = undoBetween({ postgres: names, clickhouseHead: 47 }, '4.16.0', facts)
  expect(undo).toMatchObject({ postgres: [NEW], clickhouse: [47], clickhouseHead: 46 })
  expect(undo.missing).toEqual([`postgres/${NEW}`, 'clickhouse/0047'])
})

test.each([
  ['a tag that is not there', '4.99.0'],
  ['a tag that cannot be read', '4.18.0'],
  ['a pre-release', '4.17.0-rc.1'],
  ['a new major', '5.0.0'],
  ['a release that is older than the catalog', '2.80.0'],
  ['a release that the line skipped', '3.28.99'],
])('%s stays unknown', async (_name, version) => {
  const { facts } = await withNewerReleases(ports(), [version])
  expect(facts.release(version)).toBeUndefined()
})

test('without GitHub the release stays unknown, and the log says why', async () => {
  const said: string[] = []
  const runner = { ...fakeRunner('deploy', {}), info: (line: string) => said.push(line) }
  const given = { facts: catalog, releases: source('http://127.0.0.1:59'), runner } as unknown as Ports
  const { facts } = await withNewerReleases(given, ['4.17.0'])
  expect(facts.release('4.17.0')).toBeUndefined()
  expect(said).toEqual([expect.stringContaining('Could not read the migrations of Langfuse 4.17.0 from')])
})
