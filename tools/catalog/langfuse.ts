import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { bytewise } from '../../src/schema/snapshot.ts'

export type PostgresMigration = { readonly name: string; readonly checksum: string; readonly sql: string }
export type ClickHouseMigration = { readonly version: number; readonly name: string; readonly sql: string }

export type LangfuseRelease = {
  readonly version: string
  /** Day of the tagged commit, UTC. */
  readonly date: string
  /** What `/api/public/health` answers: a few releases carry another version than their tag. */
  readonly reportedVersion: string
  /** Bytewise by name: the order in which Prisma applies them. */
  readonly postgres: readonly PostgresMigration[]
  /** By version: the order in which golang-migrate applies them. */
  readonly clickhouse: readonly ClickHouseMigration[]
}

/** Reads releases from a checkout or a bare git directory, in order of semantic version. */
export function readReleases(repository: string, versions: readonly string[]): LangfuseRelease[] {
  return versions.toSorted(bySemver).map(version => readRelease(repository, version))
}

function readRelease(repository: string, version: string): LangfuseRelease {
  const tag = `v${version}`
  const constant = git(repository, ['show', `${tag}:web/src/constants/VERSION.ts`])
  return {
    version,
    date: git(repository, ['log', '-1', '--format=%cd', '--date=format-local:%Y-%m-%d', tag]).trim(),
    reportedVersion: /VERSION = "v?([^"]+)"/.exec(constant)?.[1] ?? version,
    postgres: postgresMigrations(repository, tag),
    clickhouse: clickhouseMigrations(repository, tag),
  }
}

function postgresMigrations(repository: string, tag: string): PostgresMigration[] {
  return filesBelow(repository, tag, 'packages/shared/prisma/migrations/')
    .flatMap(({ path, content }) => {
      const name = /([^/]+)\/migration\.sql$/.exec(path)?.[1]
      const checksum = createHash('sha256').update(content).digest('hex') // as Prisma's `_prisma_migrations.checksum`
      return name === undefined ? [] : [{ name, checksum, sql: content.toString('utf8') }]
    })
    .toSorted((left, right) => bytewise(left.name, right.name))
}

function clickhouseMigrations(repository: string, tag: string): ClickHouseMigration[] {
  return filesBelow(repository, tag, 'packages/shared/clickhouse/migrations/unclustered/')
    .flatMap(({ path, content }) => {
      const [, version, name] = /\/(\d+)_([^/]+)\.up\.sql$/.exec(path) ?? []
      return name === undefined ? [] : [{ version: Number(version), name, sql: content.toString('utf8') }]
    })
    .toSorted((left, right) => left.version - right.version)
}

/** All files below a folder of a tag; names may hold spaces, so git separates them with NUL. */
function filesBelow(repository: string, tag: string, folder: string): { path: string; content: Buffer }[] {
  const entries = git(repository, ['ls-tree', '-r', '-z', tag, folder]).split('\0').filter(Boolean)
  const blobs = entries.map(entry => ({
    id: entry.split(/[ \t]/)[2] ?? '',
    path: entry.slice(entry.indexOf('\t') + 1),
  }))
  const input = blobs.map(blob => `${blob.id}\n`).join('')
  let rest = execFileSync('git', ['-C', repository, 'cat-file', '--batch'], { input, maxBuffer: 2 ** 28 })
  return blobs.map(({ path }) => {
    const lineEnd = rest.indexOf(10)
    const size = Number(rest.subarray(0, lineEnd).toString().split(' ')[2])
    const content = rest.subarray(lineEnd + 1, lineEnd + 1 + size)
    rest = rest.subarray(lineEnd + 1 + size + 1)
    return { path, content }
  })
}

function git(repository: string, args: readonly string[]): string {
  return execFileSync('git', ['-C', repository, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, TZ: 'UTC' },
  })
}

function bySemver(left: string, right: string): number {
  const [a, b] = [left, right].map(version => version.split('.').map(Number))
  const different = [0, 1, 2].find(index => a?.[index] !== b?.[index]) ?? 0
  return (a?.[different] ?? 0) - (b?.[different] ?? 0)
}
