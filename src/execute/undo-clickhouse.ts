import type { UndoSchema } from '../plan/plan.ts'
import type { ClickHouse } from '../ports/databases.ts'
import { clickhouseName } from '../release/facts.ts'
import { statementsOfSection } from '../schema/down-sql.ts'
import type { Execution } from './execution.ts'

/** One phase on ClickHouse, which has no transactions: every statement may run again. */
export async function undoClickHouse(
  step: UndoSchema,
  clickhouse: ClickHouse,
  execution: Execution,
): Promise<void> {
  for (const version of step.clickhouse) {
    const sql = execution.facts.downSql('clickhouse', version)?.sections[step.phase] ?? ''
    for (const statement of statementsOfSection(sql, 'clickhouse')) {
      execution.say(`ClickHouse ${clickhouseName(version)}: ${step.phase}`)
      await clickhouse.run(statement)
    }
  }
  if (step.clickhouseHead !== undefined) await writeHead(step.clickhouseHead, clickhouse, execution)
}

/**
 * golang-migrate's log of versions is append-only: the row with the highest `sequence`, Unix time in nanoseconds,
 * counts (database/clickhouse/clickhouse.go, SetVersion). One insert is atomic, so there is no dirty moment.
 */
async function writeHead(head: number, clickhouse: ClickHouse, execution: Execution): Promise<void> {
  const [row] = await clickhouse.run('SELECT max(sequence) AS newest FROM schema_migrations')
  const newest = BigInt(String(row?.['newest'] ?? '0'))
  const now = BigInt(execution.clock.now()) * 1_000_000n
  const sequence = now > newest ? now : newest + 1n
  await clickhouse.run(
    `INSERT INTO schema_migrations (version, dirty, sequence) VALUES (${head}, 0, ${sequence})`,
  )
  execution.say(`ClickHouse's schema_migrations now says ${head}`)
}
