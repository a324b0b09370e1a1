import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { bytewise } from '../../src/schema/snapshot.ts'
import type { ClickHouseStep } from './clickhouse.ts'
import type { LangfuseRelease } from './langfuse.ts'
import type { PostgresCatalog } from './postgres.ts'

/** Writes the catalog: one object a line, in a fixed order, so that a change reads well in a diff. */
export function writeCatalog(
  root: URL,
  catalog: {
    readonly releases: readonly LangfuseRelease[]
    readonly postgres: PostgresCatalog
    readonly clickhouse: ReadonlyMap<number, ClickHouseStep>
  },
): void {
  const { releases, postgres, clickhouse } = catalog
  const write = (path: string, text: string): void => writeFileSync(new URL(encodeURI(path), root), text)
  for (const folder of ['postgres/steps/', 'clickhouse/steps/']) {
    rmSync(new URL(folder, root), { recursive: true, force: true })
    mkdirSync(new URL(folder, root), { recursive: true })
  }
  write('releases.json', list(releases.map(releaseOf)))
  write('postgres/migrations.json', list(postgresMigrations(releases)))
  write('postgres/background-migrations.json', list(postgres.backgroundMigrations))
  write('postgres/base.json', record(postgres.base))
  for (const [name, step] of postgres.steps) write(`postgres/steps/${name}.json`, deltaText(step))
  write('clickhouse/migrations.json', list(clickhouseMigrations(releases)))
  for (const [version, step] of clickhouse) {
    write(`clickhouse/steps/${String(version).padStart(4, '0')}.json`, deltaText(step))
  }
}

function postgresMigrations(releases: readonly LangfuseRelease[]) {
  return firstSeen(
    releases,
    release => release.postgres,
    ({ name, checksum }) => ({ name, checksum }),
    (left, right) => bytewise(left.name, right.name),
  )
}

function clickhouseMigrations(releases: readonly LangfuseRelease[]) {
  return firstSeen(
    releases,
    release => release.clickhouse,
    ({ version, name }) => ({ version, name }),
    (left, right) => left.version - right.version,
  )
}

function releaseOf({ version, date, reportedVersion, postgres, clickhouse }: LangfuseRelease) {
  return {
    version,
    date,
    reportedVersion,
    postgresMigrations: postgres.length,
    lastPostgresMigration: postgres.at(-1)?.name,
    clickhouseHead: clickhouse.at(-1)?.version ?? 0,
  }
}

/** Every migration of any release with the release that had it first, in the order in which it is applied. */
function firstSeen<Migration, Fact extends object>(
  releases: readonly LangfuseRelease[],
  of: (release: LangfuseRelease) => readonly Migration[],
  factOf: (migration: Migration) => Fact,
  order: (left: Migration, right: Migration) => number,
): (Fact & { since: string })[] {
  const all = releases.flatMap(release =>
    of(release).map(migration => ({ migration, since: release.version })),
  )
  return all
    .toSorted((left, right) => order(left.migration, right.migration)) // stable: the oldest release stays first
    .filter(({ migration }, index, sorted) => {
      const previous = sorted[index - 1]
      return previous === undefined || order(previous.migration, migration) !== 0
    })
    .map(({ migration, since }) => ({ ...factOf(migration), since }))
}

function deltaText(delta: object): string {
  const parts = Object.entries(delta).map(
    ([name, part]) => `${JSON.stringify(name)}: ${Array.isArray(part) ? list(part) : record(part)}`,
  )
  return `{\n${parts.map(part => part.trimEnd()).join(',\n')}\n}\n`
}

function list(items: readonly unknown[]): string {
  return items.length === 0 ? '[]\n' : `[\n${items.map(item => JSON.stringify(item)).join(',\n')}\n]\n`
}

function record(entries: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(entries).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  )
  return lines.length === 0 ? '{}\n' : `{\n${lines.join(',\n')}\n}\n`
}
