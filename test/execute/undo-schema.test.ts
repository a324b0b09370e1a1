import { expect, test } from '@jest/globals'
import { undoStores } from '../../src/execute/undo-schema.ts'
import type { UndoSchema } from '../../src/plan/plan.ts'
import type { ClickHouse } from '../../src/ports/databases.ts'
import { postgresOf } from '../down-sql/undo.ts'
import { usePostgres } from '../schema/databases.ts'
import { executionOf } from '../support/execution.ts'
import { FACTS } from '../support/stack.ts'

const postgres = usePostgres()

/** Once the head is set back, nothing in ClickHouse itself tells that a migration is still to be undone. */
test('a run that is lost as ClickHouse is told its older head has written down before what is being undone', async () => {
  const database = await postgres.fresh()
  const heads: string[] = []
  const clickhouse: ClickHouse = {
    address: 'clickhouse:8123',
    ping: async () => true,
    run: async sql => {
      if (!sql.startsWith('INSERT INTO schema_migrations')) return []
      heads.push(sql)
      throw new Error('the run is lost')
    },
  }
  const step: UndoSchema = {
    kind: 'undo-schema',
    phase: 'expand',
    postgres: [],
    clickhouse: [6],
    clickhouseHead: 5,
    reason: '',
  }
  const facts = {
    ...FACTS,
    downSql: () => ({
      migration: '0006',
      class: 'schema' as const,
      loses: 'nothing',
      counts: [],
      sections: {
        expand: '',
        keep: '',
        prepare: '',
        contract: 'ALTER TABLE traces DROP INDEX IF EXISTS idx_user_id;',
        validate: '',
      },
    }),
  }
  const execution = executionOf([step], {}, { facts, postgres: postgresOf(database), clickhouse })
  await expect(undoStores(step, execution)).rejects.toThrow('the run is lost')
  expect(heads).toHaveLength(1)
  const journal = await database.run('SELECT store, migration, phase FROM langfuse_rollout.journal')
  expect(journal).toEqual([{ store: 'clickhouse', migration: '0006', phase: 'expand' }])
})
