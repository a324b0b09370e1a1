import { Client } from 'pg'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { startPostgres } from '../../sandbox/engines/postgres.ts'
import { type Delta, isEmptyDelta } from '../../src/schema/diff.ts'
import { objectOf, readPostgresObjects } from '../../src/schema/postgres-schema.ts'
import { type Snapshot, toSnapshot } from '../../src/schema/snapshot.ts'
import type { LangfuseRelease, PostgresMigration } from './langfuse.ts'
import { type ObjectsById, renamesBetween } from './renames.ts'

export type BackgroundMigration = {
  readonly id: string
  readonly name: string
  readonly script: string
  readonly args: unknown
  /** The Postgres migration that inserts the row, and the one that deletes it. */
  readonly addedBy: string
  readonly removedBy?: string
}

export type PostgresCatalog = {
  /** The schema after all migrations of the first release. */
  readonly base: Snapshot
  /** What each migration after that changes, in the order in which they were applied: release by release. */
  readonly steps: ReadonlyMap<string, Delta>
  readonly backgroundMigrations: readonly BackgroundMigration[]
}

/** Applies every migration to one real PostgreSQL, so that renames are seen by object id, and looks after each. */
export async function readPostgresCatalog(
  releases: readonly LangfuseRelease[],
  folder: string,
): Promise<PostgresCatalog> {
  const postgres = await startPostgres({ folder })
  const client = new Client({ connectionString: postgres.url })
  try {
    await client.connect()
    return await applyAll(client, releases)
  } finally {
    await client.end()
    await postgres.stop()
  }
}

async function applyAll(client: Client, releases: readonly LangfuseRelease[]): Promise<PostgresCatalog> {
  const steps = new Map<string, Delta>()
  const background = new Map<string, BackgroundMigration>()
  const files = new Map<string, string>() // the name under which the content of a file was run first
  const applied = new Set<string>()
  let base: Snapshot | undefined
  for (const release of releases) {
    for (const migration of release.postgres.filter(file => files.get(idOf(file)) === undefined)) {
      const known = applied.has(migration.name) ? migration.name : files.get(migration.checksum)
      const step = base === undefined ? await apply(client, migration) : await watch(client, migration)
      if (known !== undefined) expectNothing(migration, step)
      const effect = known === undefined ? step : steps.get(known)
      if (effect) steps.set(migration.name, effect)
      applied.add(migration.name)
      files.set(idOf(migration), migration.name).set(migration.checksum, known ?? migration.name)
      await followBackgroundMigrations(client, migration.name, background)
    }
    base ??= snapshotOf(await objectsById(client))
  }
  return { base: base ?? {}, steps, backgroundMigrations: [...background.values()] }
}

function idOf({ name, checksum }: PostgresMigration): string {
  return `${name} ${checksum}`
}

/** A file that was edited or renamed after a release runs again in databases that have its change: Langfuse made it so. */
function expectNothing({ name }: PostgresMigration, step: Delta | undefined): void {
  if (step !== undefined && !isEmptyDelta(step)) {
    throw new Error(
      `${name} was edited or renamed, and running it again changes the schema: look at what it means.`,
    )
  }
}

/** As Prisma does: the whole file as one simple-protocol query. */
async function apply(client: Client, migration: PostgresMigration): Promise<undefined> {
  await client.query(migration.sql)
}

async function watch(client: Client, migration: PostgresMigration): Promise<Delta> {
  const before = await objectsById(client)
  await apply(client, migration)
  const after = await objectsById(client)
  return diffSnapshots(snapshotOf(before), snapshotOf(after), renamesBetween(before, after))
}

async function objectsById(client: Client): Promise<ObjectsById> {
  const rows = await readPostgresObjects(async sql => (await client.query(sql)).rows)
  return new Map(rows.map(row => [`${row['kind']} ${row['id']}`, objectOf(row)]))
}

function snapshotOf(objects: ObjectsById): Snapshot {
  return toSnapshot(objects.values())
}

async function followBackgroundMigrations(
  client: Client,
  migration: string,
  known: Map<string, BackgroundMigration>,
): Promise<void> {
  const exists = await client.query(`SELECT to_regclass('public.background_migrations') IS NOT NULL AS yes`)
  if (exists.rows[0]?.yes !== true) return
  const { rows } = await client.query(
    'SELECT id, name, script, args FROM public.background_migrations ORDER BY name',
  )
  for (const row of rows) if (!known.has(row.id)) known.set(row.id, { ...row, addedBy: migration })
  const present = new Set(rows.map(row => row.id))
  for (const [id, row] of known) {
    if (!present.has(id) && row.removedBy === undefined) known.set(id, { ...row, removedBy: migration })
  }
}
