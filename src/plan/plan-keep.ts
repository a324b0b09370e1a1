import { clickhouseName, type ReleaseFacts } from '../release/facts.ts'
import type { Engine } from '../schema/down-sql.ts'
import { KEPT_DAYS, type Keep } from '../schema/keep-calls.ts'
import { inSchema, quoteClickHouseLiteral, quoteIdentifier, quoteLiteral } from '../schema/quote.ts'
import { bytewise } from '../schema/snapshot.ts'
import type { CountedLoss, Loss } from '../stack/count-losses.ts'
import type { Stack } from '../stack/stack.ts'
import { amountKept, callsOf, expired, leftOpen, type Migrations, NONE, wholeIn } from './kept-data.ts'
import type { KeepData, Step } from './plan.ts'
import { unprovenStore } from './preflight.ts'

/** The steps around the migrations, and the migrations whose data is kept once these steps are done. */
export type KeepPlan = {
  /** Drops what is kept for too long, in a deploy that changes something. */
  readonly old: readonly Step[]
  readonly before: readonly Step[]
  readonly after: readonly Step[]
  readonly kept: ReadonlySet<string>
}

export const KEEPS_NOTHING: KeepPlan = { old: [], before: [], after: [], kept: new Set() }

/**
 * What a deploy keeps before the migrations that it brings delete it. Where a store is not reached, or not proven to be
 * this stack's, nothing of it is kept. Pure.
 */
export function planKeep(coming: Migrations, { stack, facts, counted = [] }: KeepQuestion): KeepPlan {
  if (!stack.postgres.known || unprovenStore('postgres', stack) !== undefined) return KEEPS_NOTHING
  const withClickHouse = stack.clickhouseStore.known && unprovenStore('clickhouse', stack) === undefined
  const fresh: Migrations = {
    postgres: coming.postgres.filter(name => callsOf('postgres', name, facts).length > 0).sort(newestFirst),
    clickhouse: withClickHouse
      ? coming.clickhouse
          .filter(version => callsOf('clickhouse', version, facts).length > 0)
          .toSorted((a, b) => b - a)
      : [],
  }
  const left = leftOpen(stack, coming)
  const both = {
    postgres: [...fresh.postgres, ...left.applied.postgres],
    clickhouse: [...fresh.clickhouse, ...left.applied.clickhouse],
  }
  const what = whatIsKept(fresh, facts, counted)
  const old = expired(stack)
  return {
    old: stepOf('drop', old, `${amountKept(stack, old)}: ${DROPPED}`),
    before: [...stepOf('reverse', left.coming, NOT_RUN), ...stepOf('keep', fresh, `${what} ${UNTIL}`)],
    after: stepOf('close', both, HAVE_RUN),
    kept: new Set([...wholeIn(stack, facts), ...namesOf(fresh)]),
  }
}

type KeepQuestion = {
  readonly stack: Stack
  readonly facts: Pick<ReleaseFacts, 'downSql'>
  /** Answers to `keepQuestions`, where the databases were asked. */
  readonly counted?: readonly CountedLoss[]
}

const HAVE_RUN = 'The migrations have run: only what they deleted stays kept.'
const UNTIL = `Kept data is in schema and database langfuse_rollout for ${KEPT_DAYS} days. Then the next deploy drops it.`

/** How much a deploy keeps: rows up to a million, and bytes. */
export function keepQuestions(steps: readonly Step[], facts: Pick<ReleaseFacts, 'downSql'>): readonly Loss[] {
  return steps.flatMap(step => {
    if (step.kind !== 'keep-data' || step.phase !== 'keep') return []
    return [
      ...step.postgres.flatMap(name => questionsAbout('postgres', name, facts)),
      ...step.clickhouse.flatMap(version => questionsAbout('clickhouse', version, facts)),
    ]
  })
}

const MANY = 1_000_000

function questionsAbout(
  engine: Engine,
  name: string | number,
  facts: Pick<ReleaseFacts, 'downSql'>,
): readonly Loss[] {
  const migration = typeof name === 'number' ? clickhouseName(name) : name
  return callsOf(engine, name, facts).flatMap(call => {
    const about = { store: engine, migration }
    if (engine === 'clickhouse') {
      const parts = `FROM system.parts WHERE active AND database = currentDatabase() AND table = ${quoteClickHouseLiteral(call.table)}`
      return [
        { ...about, what: `rows of ${call.table}`, sql: `SELECT sum(rows) ${parts}` },
        { ...about, what: `bytes of ${call.table}`, sql: `SELECT sum(bytes_on_disk) ${parts}` },
      ]
    }
    const table = inSchema('public', call.table)
    const some = `SELECT FROM ${table} AS this WHERE ${conditionOf(call)} LIMIT ${MANY + 1}`
    const count = `SELECT count(*) AS rows FROM (${some}) AS counted`
    const rows = { ...about, what: titleOfKept(call), sql: whereThere(call, table, count) }
    if (call.kind !== 'table') return [rows]
    const size = `SELECT coalesce(pg_total_relation_size(to_regclass(${quoteLiteral(table)})), 0)`
    return [rows, { ...about, what: `bytes of ${call.table}`, sql: size }]
  })
}

/** A count that is 0 where table or column is not there yet: an earlier migration of the same upgrade creates it. */
function whereThere(call: Keep, table: string, count: string): string {
  const run = `query_to_xml(${quoteLiteral(count)}, false, true, '')`
  const rows = `(xpath('/row/rows/text()', ${run}))[1]::text::bigint`
  const relation = `to_regclass(${quoteLiteral(table)})`
  const isThere =
    call.kind === 'column'
      ? `EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${relation} AND attname = ${quoteLiteral(call.column)} AND NOT attisdropped)`
      : `${relation} IS NOT NULL`
  return `SELECT CASE WHEN ${isThere} THEN ${rows} ELSE 0 END`
}

function conditionOf(call: Keep): string {
  if (call.kind === 'rows') return `(${call.condition})`
  return call.kind === 'column' ? `this.${quoteIdentifier(call.column)} IS NOT NULL` : 'true'
}

function titleOfKept(call: Keep): string {
  if (call.kind === 'column') return `values of ${call.table}.${call.column}`
  return `rows of ${call.table}`
}

/** `The migrations delete 12 rows of events (3 MB), uncounted rows of event_log. …`; what is counted and empty is left out. */
function whatIsKept(
  migrations: Migrations,
  facts: Pick<ReleaseFacts, 'downSql'>,
  counted: readonly CountedLoss[],
): string {
  const about = (engine: Engine, name: string | number): readonly string[] => {
    const migration = typeof name === 'number' ? clickhouseName(name) : name
    const answer = (what: string) =>
      counted.find(loss => loss.store === engine && loss.migration === migration && loss.what === what)?.count
    return callsOf(engine, name, facts).flatMap(call => {
      const [rows, bytes] = [answer(titleOfKept(call)), answer(`bytes of ${call.table}`)]
      if (rows === 0) return []
      const amount = rows === undefined ? 'uncounted' : rows > MANY ? `more than ${MANY}` : String(rows)
      const size = bytes === undefined ? '' : ` (${Math.ceil(bytes / 1_000_000)} MB)`
      return [`${amount} ${titleOfKept(call)}${size}`]
    })
  }
  const parts = [
    ...migrations.postgres.flatMap(name => about('postgres', name)),
    ...migrations.clickhouse.flatMap(version => about('clickhouse', version)),
  ]
  return parts.length === 0
    ? 'Of what the migrations delete, nothing is there now. What comes until they run is kept.'
    : `The migrations delete ${parts.join(', ')}. It is kept first.`
}

function newestFirst(a: string, b: string): number {
  return bytewise(b, a)
}

const NOT_RUN = 'An earlier deploy kept data for migrations that did not run. It goes back to its place.'
const DROPPED = `it was kept more than ${KEPT_DAYS} days ago, and goes for good.`

/** What a rollback does first with data that a deploy kept and did not close. It goes on only with all of it. Pure. */
export function keptBefore(stack: Stack, facts: Pick<ReleaseFacts, 'downSql'>): readonly KeepData[] {
  const { applied, coming } = leftOpen(stack, NONE)
  const whole = wholeIn(stack, facts)
  const mustBeWhole = namesOf(applied).filter(name => whole.has(name))
  const close = stepOf('close', applied, HAVE_RUN).map(step => ({ ...step, mustBeWhole }))
  return [...stepOf('reverse', coming, NOT_RUN), ...close]
}

function namesOf({ postgres, clickhouse }: Migrations): readonly string[] {
  return [...postgres, ...clickhouse.map(clickhouseName)]
}

function stepOf(
  phase: KeepData['phase'],
  { postgres, clickhouse }: Migrations,
  reason: string,
): readonly KeepData[] {
  if (postgres.length + clickhouse.length === 0) return []
  return [{ kind: 'keep-data', phase, postgres, clickhouse, reason }]
}
