import { NOTHING, type Undo } from '../../src/plan/rollback-class.ts'
import { runbook } from '../../src/plan/runbook.ts'
import { restoreDocument } from '../../src/report/restore-document.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { POINT, restoreFacts } from '../../test/support/restore.ts'
import { stackOn3 } from '../../test/support/stack.ts'

const DROPS = ['20260723150000_drop_legacy_tracing_tables', '20260723124010_drop_dataset_run_items_table']

/** The document of a rollback from v4, for a stack of the tests. */
export function restoreExample(): string {
  const facts = loadCatalog(new URL('../../', import.meta.url))
  const undo: Undo = {
    ...NOTHING,
    postgres: DROPS,
    sql: DROPS.flatMap(name => facts.downSql('postgres', name) ?? []),
  }
  const target = { release: '3.225.4', snapshot: 'langfuse-rollout-3-225-4-to-4-16-0-20261130-231122' }
  const restore = restoreFacts()
  return restoreDocument(
    runbook(
      { stack: stackOn3(), target: { ...target, recoveryPoint: POINT, record: '42' }, restore },
      undo,
      facts,
    ),
  )
}
