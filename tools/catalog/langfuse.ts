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
  /** Names whose rows its entry point deletes from `_prisma_migrations` before it migrates. */
  readonly cleanup: readonly string[]
}

/** Every final release that is tagged, from `first` on, in order of semantic version; pre-releases are left out. */
export function taggedReleases(repository: string, first: string): string[] {
  return git(repository, ['tag', '--list', 'v*'])
    .split('\n')
    .flatMap(tag => /^v(\d+\.\d+\.\d+)$/.exec(tag)?.[1] ?? [])
    .filter(version => bySemver(version, first) >= 0)
    .toSorted(bySemver)
}

/** Reads releases from a checkout or a bare git directory, in order of semantic version. */
export function readReleases(repository: string, versions: readonly string[]): LangfuseRelease[] {
  const trees = versions.toSorted(bySemver).map(version => ({ version, files: filesOf(repository, version) }))
  const contents = contentsOf(
    repository,
    new Set(trees.flatMap(({ files }) => files.map(({ blob }) => blob))),
  )
  return trees.map(({ version, files }) => releaseOf(repository, version, files, contents))
}

const VERSION = 'web/src/constants/VERSION.ts'
const CLEANUP = 'packages/shared/scripts/cleanup.sql'
const POSTGRES = 'packages/shared/prisma/migrations/'
const CLICKHOUSE = 'packages/shared/clickhouse/migrations/unclustered/'

type File = { readonly path: string; readonly blob: string }
type Contents = ReadonlyMap<string, Buffer>

/** Names may hold spaces, so git separates them with NUL. */
function filesOf(repository: string, version: string): File[] {
  return git(repository, ['ls-tree', '-r', '-z', `v${version}`, VERSION, CLEANUP, POSTGRES, CLICKHOUSE])
    .split('\0')
    .filter(Boolean)
    .map(entry => ({ blob: entry.split(/[ \t]/)[2] ?? '', path: entry.slice(entry.indexOf('\t') + 1) }))
}

/** Most files are the same in hundreds of releases: each content is read once. */
function contentsOf(repository: string, blobs: ReadonlySet<string>): Contents {
  const input = [...blobs].map(blob => `${blob}\n`).join('')
  let rest = execFileSync('git', ['-C', repository, 'cat-file', '--batch'], { input, maxBuffer: 2 ** 28 })
  return new Map(
    [...blobs].map(blob => {
      const lineEnd = rest.indexOf(10)
      const size = Number(rest.subarray(0, lineEnd).toString().split(' ')[2])
      const content = rest.subarray(lineEnd + 1, lineEnd + 1 + size)
      rest = rest.subarray(lineEnd + 1 + size + 1)
      return [blob, content] as const
    }),
  )
}

function releaseOf(
  repository: string,
  version: string,
  files: readonly File[],
  contents: Contents,
): LangfuseRelease {
  const contentOf = ({ path, blob }: File): Buffer => {
    const content = contents.get(blob)
    if (content === undefined) throw new Error(`git did not give ${path} of v${version}.`)
    return content
  }
  const textOf = (wanted: string): string => {
    const file = files.find(({ path }) => path === wanted)
    return file === undefined ? '' : contentOf(file).toString('utf8')
  }
  const reported = /VERSION = "v?([^"]+)"/.exec(textOf(VERSION))?.[1]
  return {
    version,
    date: git(repository, [
      'log',
      '-1',
      '--format=%cd',
      '--date=format-local:%Y-%m-%d',
      `v${version}`,
    ]).trim(),
    reportedVersion: reported ?? version,
    postgres: postgresMigrations(files, contentOf),
    clickhouse: clickhouseMigrations(files, contentOf),
    cleanup: [...textOf(CLEANUP).matchAll(/'(\d{8,}_[^']+)'/g)]
      .flatMap(match => match[1] ?? [])
      .toSorted(bytewise),
  }
}

function postgresMigrations(files: readonly File[], contentOf: (file: File) => Buffer): PostgresMigration[] {
  return files
    .filter(({ path }) => path.startsWith(POSTGRES))
    .flatMap(file => {
      const name = /([^/]+)\/migration\.sql$/.exec(file.path)?.[1]
      if (name === undefined) return []
      const content = contentOf(file)
      const checksum = createHash('sha256').update(content).digest('hex') // as Prisma's `_prisma_migrations.checksum`
      return [{ name, checksum, sql: content.toString('utf8') }]
    })
    .toSorted((left, right) => bytewise(left.name, right.name))
}

function clickhouseMigrations(
  files: readonly File[],
  contentOf: (file: File) => Buffer,
): ClickHouseMigration[] {
  return files
    .filter(({ path }) => path.startsWith(CLICKHOUSE))
    .flatMap(file => {
      const [, version, name] = /\/(\d+)_([^/]+)\.up\.sql$/.exec(file.path) ?? []
      if (name === undefined) return []
      return [{ version: Number(version), name, sql: contentOf(file).toString('utf8') }]
    })
    .toSorted((left, right) => left.version - right.version)
}

export function git(repository: string, args: readonly string[]): string {
  return execFileSync('git', ['-C', repository, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, TZ: 'UTC' },
  })
}

export function bySemver(left: string, right: string): number {
  const [a, b] = [left, right].map(version => version.split('.').map(Number))
  const different = [0, 1, 2].find(index => a?.[index] !== b?.[index]) ?? 0
  return (a?.[different] ?? 0) - (b?.[different] ?? 0)
}
