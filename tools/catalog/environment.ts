import { bytewise } from '../../src/schema/snapshot.ts'
import { bySemver, git } from './langfuse.ts'

/** A name of the environment that Langfuse reads, with the majors whose newest release reads it. */
export type EnvironmentName = { readonly name: string; readonly majors: readonly number[] }

const SCHEMAS = ['web/src/env.mjs', 'worker/src/env.ts', 'packages/shared/src/env.ts', 'ee/src/env.ts']
const SCRIPTS = ['web/entrypoint.sh', 'worker/entrypoint.sh', 'packages/shared/clickhouse/scripts/up.sh']
const SOURCES = ['web/src', 'worker/src', 'packages/shared/src', 'ee/src']

/** Reads only names: the keys of the schemas, and what the code and the start scripts read beside them. */
export function readEnvironmentNames(repository: string, versions: readonly string[]): EnvironmentName[] {
  const majors = new Map<string, number[]>()
  for (const version of newestOfEachMajor(versions)) {
    for (const name of namesOf(repository, `v${version}`)) {
      majors.set(name, [...(majors.get(name) ?? []), Number(version.split('.')[0])])
    }
  }
  return [...majors]
    .map(([name, of]) => ({ name, majors: of }))
    .toSorted((left, right) => bytewise(left.name, right.name))
}

function newestOfEachMajor(versions: readonly string[]): string[] {
  const newest = new Map(versions.toSorted(bySemver).map(version => [version.split('.')[0], version]))
  return [...newest.values()]
}

function namesOf(repository: string, tag: string): ReadonlySet<string> {
  const keys = SCHEMAS.flatMap(path =>
    matches(show(repository, tag, path), /^\s+([A-Z][A-Z0-9_]*[A-Z0-9]):/gm),
  )
  const scripts = SCRIPTS.flatMap(path => matches(show(repository, tag, path), /\$\{?([A-Z][A-Z0-9_]*)/g))
  const read = git(repository, ['grep', '-hoE', '\\benv\\.[A-Z][A-Z0-9_]+', tag, '--', ...SOURCES])
  return new Set([...keys, ...scripts, ...matches(read, /env\.([A-Z][A-Z0-9_]+)/g)])
}

function show(repository: string, tag: string, path: string): string {
  return git(repository, ['show', `${tag}:${path}`])
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].flatMap(match => match[1] ?? [])
}
