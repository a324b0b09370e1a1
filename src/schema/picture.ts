import type { BackgroundMigration } from './catalog.ts'
import { objectOf, readPostgresObjects } from './postgres.ts'
import type { ObjectsById } from './renames.ts'
import type { Facts, Query } from './snapshot.ts'

export type BackgroundRow = Pick<BackgroundMigration, 'id' | 'name' | 'script' | 'args'>

/** A database at one moment, as JSON can hold it: from two of them a migration that nobody has reviewed can be undone. */
export type Picture = {
  /** Names of the applied Postgres migrations. */
  readonly applied: readonly string[]
  readonly objects: readonly (readonly [id: string, key: string, facts: Facts])[]
  readonly background: readonly BackgroundRow[]
}

/** Looks at the schema, with the ids that tell a rename from a drop and a create. Reads only. */
export async function takePicture(query: Query): Promise<Picture> {
  const rows = await readPostgresObjects(query)
  return {
    applied: await readApplied(query),
    objects: rows.map(row => [`${row['kind']} ${row['id']}`, ...objectOf(row)] as const),
    background: await readBackground(query),
  }
}

export function objectsOf(picture: Picture): ObjectsById {
  return new Map(picture.objects.map(([id, key, facts]) => [id, [key, facts] as const]))
}

async function readApplied(query: Query): Promise<readonly string[]> {
  if (!(await exists(query, '_prisma_migrations'))) return []
  const rows = await query(
    'SELECT DISTINCT migration_name AS name FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  )
  return rows.map(row => String(row['name']))
}

async function readBackground(query: Query): Promise<readonly BackgroundRow[]> {
  if (!(await exists(query, 'background_migrations'))) return []
  const rows = await query('SELECT id, name, script, args FROM public.background_migrations ORDER BY name')
  return rows.map(row => ({
    id: String(row['id']),
    name: String(row['name']),
    script: String(row['script']),
    args: (row['args'] ?? {}) as BackgroundRow['args'],
  }))
}

async function exists(query: Query, table: string): Promise<boolean> {
  const [row] = await query(`SELECT to_regclass('public.${table}') IS NOT NULL AS present`)
  return row?.['present'] === true
}
