import type { BackgroundMigration, Catalog } from '../../src/schema/catalog.ts'
import { type BackgroundRows, type GeneratedDown, generateDown } from '../../src/schema/generate-down.ts'
import { writeDownSql } from '../../src/schema/write-down.ts'

/** The text of a down SQL file as the catalog alone gives it: the start of a review. */
export function skeletonOf(catalog: Catalog, migration: string): string {
  const generated = generatedOf(catalog, migration)
  const notes = [
    'GENERATED, not reviewed: what the migration did to rows is not in it, and each line with REVIEW is a guess.',
  ]
  return writeDownSql(generated, notes)
}

export function generatedOf(catalog: Catalog, migration: string): GeneratedDown {
  const { before, delta } = catalog.postgresChange(migration)
  return generateDown({ migration, delta, before, background: backgroundOf(catalog, migration) })
}

function backgroundOf(catalog: Catalog, migration: string): BackgroundRows {
  const rows: readonly BackgroundMigration[] = catalog.allBackgroundMigrations()
  return {
    added: rows.filter(({ addedBy }) => addedBy === migration),
    removed: rows.filter(({ removedBy }) => removedBy === migration),
  }
}
