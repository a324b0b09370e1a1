import type { Catalog } from '../../src/schema/catalog.ts'
import { generatedOf } from './generate-down.ts'
import { writeDownSql } from './write-down.ts'

/** The text of a down SQL file as the catalog alone gives it: the start of a review. */
export function skeletonOf(catalog: Catalog, migration: string): string {
  const notes = [
    'GENERATED, not reviewed: what the migration did to rows is not in it, and each line with REVIEW is a guess.',
  ]
  return writeDownSql(generatedOf(migration, catalog), notes)
}
