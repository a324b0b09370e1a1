import { archiveRows } from './toolbox/archive-rows.ts'
import { batches } from './toolbox/batches.ts'
import { changes } from './toolbox/changes.ts'
import { drops } from './toolbox/drops.ts'
import { enums } from './toolbox/enums.ts'
import { lookUp } from './toolbox/look-up.ts'
import { rows } from './toolbox/rows.ts'
import type { SqlFunction } from './toolbox/sql-function.ts'

/**
 * What down SQL for Postgres is written with: functions in the schema `langfuse_rollout`, installed with the archive
 * (archive.ts). They take names of `public`, unquoted; they do nothing but a NOTICE when their object is not there,
 * never CASCADE, and archive what they take away under the rollback and the migration that two settings name.
 * `condition`, `assignments` and `fill` are SQL in which the row is `this`; nothing but pg_catalog is on the search
 * path there, so other names of `public` are written with their schema.
 */
export function toolboxSql(): string {
  return functionsSql([...lookUp, ...archiveRows, ...batches, ...rows, ...drops, ...changes, ...enums])
}

/** Functions of the schema `langfuse_rollout` that all have the same settings. */
export function functionsSql(functions: readonly SqlFunction[]): string {
  return functions.map(createFunction).join('\n\n')
}

/**
 * Whatever the role or the database has set: only PostgreSQL's own names are found, a policy that would hide rows
 * from the archive is an error, and floating-point numbers keep all their digits.
 */
const settings = 'SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1'

function createFunction({ signature, returns, comment, body }: SqlFunction): string {
  return [
    `CREATE OR REPLACE FUNCTION langfuse_rollout.${signature} RETURNS ${returns}`,
    `LANGUAGE plpgsql ${settings} AS $toolbox$`,
    `-- ${comment.replaceAll('\n', '\n-- ')}`,
    '#variable_conflict use_variable', // parameters are named for those who call
    body.trim(),
    '$toolbox$;',
  ].join('\n')
}
