import { explain } from '../errors/errors.ts'
import type { PostgresSession, Row } from '../ports/databases.ts'
import { findClickHouseDependents, type Touched } from '../schema/clickhouse-dependents.ts'
import { GIVES_A_NAME, type Touch } from '../schema/touched.ts'
import type { Databases } from './count-losses.ts'
import { inSession } from './observe-databases.ts'
import type { EcsComponent } from './stack.ts'

/** What a rollback touches, with what finds the objects that hang on it. A store without SQL is undefined. */
export type DependentsQuestion = {
  readonly postgres?:
    | {
        /** down-sql/dependents.sql */
        readonly sql: string
        readonly touches: readonly Touch[]
        /** Langfuse's own tables and views of every release. */
        readonly own: readonly string[]
      }
    | undefined
  readonly clickhouse?: Touched | undefined
}

/** An object that hangs on something a rollback touches. `object` and `clause` make a sentence. */
export type Dependent = {
  readonly store: 'postgres' | 'clickhouse'
  /** `taken`: made again, or it goes along; `left`: stays; `refused`: the rollback would fail or do harm. */
  readonly verdict: 'taken' | 'left' | 'refused'
  readonly object: string
  readonly clause: string
  /** The statement that clears the way. */
  readonly remedy?: string | undefined
  /** Its key in a schema snapshot, if it may be Langfuse's own. */
  readonly key?: string | undefined
}

export type Dependents = {
  readonly found: readonly Dependent[]
  /** What single objects were not checked for, as clauses: not clean, but no reason to stop. */
  readonly unseen: readonly string[]
  /** Why a store was not checked at all, as clauses. */
  readonly failed: readonly string[]
}

/** Looks for dependents from this runner or by the agent. Never throws, unless the run was cancelled. */
export type ObserveDependents = (question: DependentsQuestion, worker: EcsComponent) => Promise<Dependents>

export const NO_DEPENDENTS: Dependents = { found: [], unseen: [], failed: [] }

export function isAsked({ postgres, clickhouse }: DependentsQuestion): boolean {
  return postgres !== undefined || clickhouse !== undefined
}

/** Halves, until each fits into a task definition. */
export function partsThatFit(
  question: DependentsQuestion,
  fits: (part: DependentsQuestion) => boolean,
): readonly DependentsQuestion[] {
  const { postgres, clickhouse } = question
  if (postgres === undefined || postgres.touches.length < 2 || fits(question)) return [question]
  const half = Math.ceil(postgres.touches.length / 2)
  return [postgres.touches.slice(0, half), postgres.touches.slice(half)].flatMap((touches, part) =>
    partsThatFit({ postgres: { ...postgres, touches }, ...(part === 0 && { clickhouse }) }, fits),
  )
}

/** Reads only. `timeoutMs`: for one statement. */
export async function observeDependents(
  { postgres: asked, clickhouse: touched }: DependentsQuestion,
  { postgres, clickhouse }: Databases,
  timeoutMs = 20_000,
): Promise<Dependents> {
  return together([
    asked === undefined
      ? NO_DEPENDENTS
      : await orFailed('PostgreSQL', async () => {
          if (postgres === undefined) throw new Error('there is no connection to it')
          return inSession(postgres, session => inPostgres(asked, session, timeoutMs))
        }),
    touched === undefined
      ? NO_DEPENDENTS
      : await orFailed('ClickHouse', async () => {
          if (clickhouse === undefined) throw new Error('there is no connection to it')
          const found = await findClickHouseDependents(sql => clickhouse.run(sql, { timeoutMs }), touched)
          return { ...NO_DEPENDENTS, found: found.map(each => ({ store: 'clickhouse', ...each })) }
        }),
  ])
}

export function together(parts: readonly Dependents[]): Dependents {
  return {
    // Two parts may touch the same object.
    found: [
      ...new Map(parts.flatMap(({ found }) => found).map(each => [JSON.stringify(each), each])).values(),
    ],
    unseen: parts.flatMap(({ unseen }) => unseen),
    failed: parts.flatMap(({ failed }) => failed),
  }
}

async function orFailed(store: string, read: () => Promise<Dependents>): Promise<Dependents> {
  try {
    return await read()
  } catch (error) {
    return { ...NO_DEPENDENTS, failed: [`${store} was not checked, because ${explain(error)}`] }
  }
}

async function inPostgres(
  { sql, touches, own }: NonNullable<DependentsQuestion['postgres']>,
  session: PostgresSession,
  timeoutMs: number,
): Promise<Dependents> {
  const made = await madeBefore(session)
  // What an interrupted run has made is no object of the owner.
  const left = touches.filter(({ migration, call }) => !(made.has(migration) && GIVES_A_NAME.test(call)))
  const rows = await readOnly(session, timeoutMs, sql, [JSON.stringify(left), JSON.stringify(own)])
  const found: Dependent[] = []
  const unseen: string[] = []
  for (const row of rows) {
    const dependent = dependentOf(row)
    const probe = textOf(row, 'probe')
    const applies = probe === undefined || (await answerTo(probe, session, timeoutMs))
    if (applies === undefined) unseen.push(`whether ${dependent.object} ${dependent.clause}`)
    else if (applies) found.push(dependent)
  }
  return { found, unseen, failed: [] }
}

/** Migrations whose expand is done, since they were last applied: expand and its journal are one transaction. */
async function madeBefore(session: PostgresSession): Promise<ReadonlySet<string>> {
  const [journal] = await session.run(
    `SELECT has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
       to_regclass('public._prisma_migrations') IS NOT NULL AS applied
     FROM pg_catalog.pg_class AS c
     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'rollback_id'
     WHERE c.relnamespace = to_regnamespace('langfuse_rollout') AND c.relname = 'journal'`,
  )
  if (journal?.['readable'] !== true) return new Set()
  const isUndone = journal['applied']
    ? 'migration NOT IN (SELECT migration_name FROM public._prisma_migrations)'
    : 'false'
  const rows = await session.run(
    `SELECT migration FROM langfuse_rollout.journal WHERE store = 'postgres' AND (phase <> 'validate' OR ${isUndone})`,
  )
  return new Set(rows.map(({ migration }) => String(migration)))
}

async function answerTo(
  probe: string,
  session: PostgresSession,
  timeoutMs: number,
): Promise<boolean | undefined> {
  try {
    const [row] = await readOnly(session, timeoutMs, probe)
    return Object.values(row ?? {})[0] === true
  } catch {
    return undefined
  }
}

async function readOnly(
  session: PostgresSession,
  timeoutMs: number,
  sql: string,
  parameters?: readonly unknown[],
): Promise<readonly Row[]> {
  await session.run(
    `BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeoutMs}; SET LOCAL search_path = pg_catalog;
     SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on`,
  )
  try {
    return await session.run(sql, parameters)
  } finally {
    await session.run('ROLLBACK')
  }
}

function dependentOf(row: Row): Dependent {
  return {
    store: 'postgres',
    verdict: row['verdict'] as Dependent['verdict'],
    object: String(row['object']),
    clause: String(row['clause']),
    remedy: textOf(row, 'remedy'),
    key: textOf(row, 'key'),
  }
}

function textOf(row: Row, name: string): string | undefined {
  const value = row[name]
  return typeof value === 'string' ? value : undefined
}
