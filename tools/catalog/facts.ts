import { bytewise } from '../../src/schema/snapshot.ts'
import type { LangfuseRelease } from './langfuse.ts'

/** What `catalog/releases.json` says of one release. */
export type ReleaseFact = {
  readonly version: string
  readonly date: string
  readonly reportedVersion: string
  readonly postgresMigrations: number
  readonly lastPostgresMigration: string | undefined
  readonly clickhouseHead: number
  /** The release that the tag really holds, where it is another. */
  readonly mislabelled?: string
}

export function releaseFacts(releases: readonly LangfuseRelease[]): ReleaseFact[] {
  const mislabelled = mislabelledReleases(releases)
  return releases.map(({ version, date, reportedVersion, postgres, clickhouse }) => ({
    version,
    date,
    reportedVersion,
    postgresMigrations: postgres.length,
    lastPostgresMigration: postgres.at(-1)?.name,
    clickhouseHead: headOf(clickhouse),
    ...(mislabelled.has(version) && { mislabelled: reportedVersion }),
  }))
}

/**
 * Several releases report the version before their own, which is only a constant that was not raised. One that
 * also has fewer migrations than the release before it holds another release's tree: v3.28.2 is 2.95.1.
 */
export function mislabelledReleases(releases: readonly LangfuseRelease[]): ReadonlySet<string> {
  return new Set(
    releases
      .filter((release, index) => {
        const before = releases[index - 1]
        if (before === undefined || release.reportedVersion === release.version) return false
        return (
          release.postgres.length < before.postgres.length ||
          headOf(release.clickhouse) < headOf(before.clickhouse)
        )
      })
      .map(({ version }) => version),
  )
}

function headOf(migrations: LangfuseRelease['clickhouse']): number {
  return migrations.at(-1)?.version ?? 0
}

/** A migration with the first release that has it, and the last one where later ones have it no more. */
export type Lifetime = { readonly since: string; readonly until?: string }

export function cleanupLifetimes(releases: readonly LangfuseRelease[]) {
  return lifetimes(releases, ({ cleanup }) => cleanup.map(name => ({ name })))
}

/**
 * A file that Langfuse gave another name says which one it had: `sameAs`. Both were made to run again without harm in
 * databases that have the change: `repeatable`.
 */
export function postgresLifetimes(releases: readonly LangfuseRelease[]) {
  const all = lifetimes(releases, ({ postgres }) =>
    postgres.map(({ name, checksum }) => ({ name, checksum })),
  ).toSorted((left, right) => bytewise(left.name, right.name))
  return all.map(fact => {
    const others = all.filter(({ checksum, name }) => checksum === fact.checksum && name !== fact.name)
    const earlier = others.find(({ until }) => until !== undefined)
    const isRenamed = earlier !== undefined || (fact.until !== undefined && others.length > 0)
    return {
      ...fact,
      ...(isRenamed && { repeatable: true }),
      ...(earlier !== undefined && { sameAs: earlier.name }),
    }
  })
}

export function clickhouseLifetimes(releases: readonly LangfuseRelease[]) {
  return lifetimes(releases, ({ clickhouse }) =>
    clickhouse.map(({ version, name }) => ({ version, name })),
  ).toSorted((left, right) => left.version - right.version)
}

/**
 * Every fact of any release, once, with the releases that have it. A file that Langfuse edited later has another
 * checksum and is another fact.
 * @throws Error when a fact goes and comes back: `since` and `until` could not say that.
 */
function lifetimes<Fact extends object>(
  releases: readonly LangfuseRelease[],
  factsOf: (release: LangfuseRelease) => readonly Fact[],
): (Fact & Lifetime)[] {
  const mislabelled = mislabelledReleases(releases)
  const line = releases.filter(({ version }) => !mislabelled.has(version))
  const seen = new Map<string, { readonly fact: Fact; readonly first: number; last: number }>()
  for (const [index, release] of line.entries()) {
    for (const fact of factsOf(release)) {
      const key = JSON.stringify(fact)
      const known = seen.get(key)
      if (known === undefined) seen.set(key, { fact, first: index, last: index })
      else if (known.last === index - 1) known.last = index
      else throw new Error(`${key} is missing from a release before ${release.version} and comes back.`)
    }
  }
  return [...seen.values()].map(({ fact, first, last }) => ({
    ...fact,
    since: line[first]?.version ?? '',
    ...(last < line.length - 1 && { until: line[last]?.version ?? '' }),
  }))
}
