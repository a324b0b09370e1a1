import { restore } from './toolbox/restore.ts'
import { restoreSql as helpers } from './toolbox/restore-sql.ts'
import { functionsSql } from './toolbox.ts'

/**
 * Installs `langfuse_rollout.restore` and `drop_archive` beside the toolbox. A rollback does not need them, so they
 * come with `down-sql/restore.sql`, which a person runs (docs/restore.md).
 */
export function restoreSql(): string {
  return `${functionsSql([...helpers, ...restore])}\n`
}

/** `down-sql/restore.sql` */
export function restoreFile(): string {
  const head = [
    'What puts back what a rollback archived: docs/restore.md. Run this file first, it only makes functions in the',
    'schema langfuse_rollout. Made by `npm run down-sql -- --restore` from src/schema/toolbox/restore.ts.',
  ]
  return `${head.map(line => `-- ${line}`).join('\n')}\n\n${restoreSql()}`
}
