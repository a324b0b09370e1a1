import { expect, test } from '@jest/globals'
import { undoPostgres } from '../../src/execute/undo-postgres.ts'
import type { UndoSchema } from '../../src/plan/plan.ts'
import { postgresOf } from '../down-sql/undo.ts'
import { usePostgres } from '../schema/databases.ts'
import { executionOf } from '../support/execution.ts'

const postgres = usePostgres()

test('failed migrations are put right in expand, so that a web can start; others stay as they are', async () => {
  const database = await postgres.fresh()
  await database.run(`
    CREATE TABLE _prisma_migrations (id text DEFAULT gen_random_uuid()::text, checksum text DEFAULT 'x',
      migration_name text, finished_at timestamptz, rolled_back_at timestamptz, applied_steps_count int DEFAULT 0);
    INSERT INTO _prisma_migrations (migration_name, finished_at)
      VALUES ('applied', now()), ('all there', NULL), ('nothing there', NULL), ('somebody''s', NULL)`)
  const step: UndoSchema = {
    kind: 'undo-schema',
    phase: 'expand',
    postgres: [],
    clickhouse: [],
    clickhouseHead: undefined,
    repair: { finish: ['all there'], forget: ['nothing there'] },
    reason: '',
  }
  const port = postgresOf(database)
  const execution = executionOf([step], {}, { rollbackId: 'r', postgres: port })
  await undoPostgres(step, port, execution, async () => undefined)
  const rows = await database.run(`SELECT migration_name AS name, finished_at IS NOT NULL AS finished,
    rolled_back_at IS NOT NULL AS "rolledBack" FROM _prisma_migrations ORDER BY migration_name`)
  expect(rows).toEqual([
    { name: 'all there', finished: true, rolledBack: false },
    { name: 'applied', finished: true, rolledBack: false },
    { name: 'nothing there', finished: false, rolledBack: true },
    { name: "somebody's", finished: false, rolledBack: false },
  ])
})
