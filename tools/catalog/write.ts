import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { ClickHouseStep } from './clickhouse.ts'
import type { EnvironmentName } from './environment.ts'
import { cleanupLifetimes, clickhouseLifetimes, postgresLifetimes, releaseFacts } from './facts.ts'
import type { LangfuseRelease } from './langfuse.ts'
import type { PostgresCatalog } from './postgres.ts'

/** Writes what is known of every release: one object a line, in a fixed order, so that a change reads well in a diff. */
export function writeFacts(
  root: URL,
  facts: { readonly releases: readonly LangfuseRelease[]; readonly environment: readonly EnvironmentName[] },
): void {
  const write = writerBelow(root)
  write('releases.json', list(releaseFacts(facts.releases)))
  write('environment.json', list(facts.environment))
  write('postgres/migrations.json', list(postgresLifetimes(facts.releases)))
  write('postgres/cleanup.json', list(cleanupLifetimes(facts.releases)))
  write('clickhouse/migrations.json', list(clickhouseLifetimes(facts.releases)))
}

/** Writes what each migration changes, for the releases that were run on real engines. */
export function writeSteps(
  root: URL,
  steps: { readonly postgres: PostgresCatalog; readonly clickhouse: ReadonlyMap<number, ClickHouseStep> },
): void {
  const { postgres, clickhouse } = steps
  const write = writerBelow(root)
  for (const folder of ['postgres/steps/', 'clickhouse/steps/']) {
    rmSync(new URL(folder, root), { recursive: true, force: true })
    mkdirSync(new URL(folder, root), { recursive: true })
  }
  write('postgres/background-migrations.json', list(postgres.backgroundMigrations))
  write('postgres/base.json', record(postgres.base))
  for (const [name, step] of postgres.steps) write(`postgres/steps/${name}.json`, deltaText(step))
  for (const [version, step] of clickhouse) {
    write(`clickhouse/steps/${String(version).padStart(4, '0')}.json`, deltaText(step))
  }
}

function writerBelow(root: URL): (path: string, text: string) => void {
  return (path, text) => writeFileSync(new URL(encodeURI(path), root), text)
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
