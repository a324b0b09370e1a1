import { upStatements } from '../../sandbox/langfuse/image.ts'
import { systemClock } from '../../src/adapters/machine.ts'
import { sqlState } from '../../src/ports/databases.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { splitStatements } from '../../src/schema/sql-text.ts'
import type { Database } from '../schema/postgres-server.ts'

/** Prisma's advisory lock: whoever migrates holds it. */
const PRISMA_LOCK = 72_707_369

/** Runs SQL on one connection; `killed` of {@link killedAfter} ends it before a statement. */
export type Session = (sql: string) => Promise<readonly Record<string, unknown>[]>

export type Options = {
  readonly runId?: string
  readonly batch?: number
  /** Told of each statement before it runs; when it throws, the connection ends as that of a killed process. */
  readonly tell?: (sql: string) => void
}

/** A connection as the executor has it: with Prisma's lock and the toolbox. */
export async function withSession<Result>(
  database: Database,
  catalog: Pick<Catalog, 'toolbox'>,
  work: (run: Session) => Promise<Result>,
  { tell }: Options = {},
): Promise<Result> {
  const client = await database.connect()
  const run: Session = async sql => {
    tell?.(sql)
    const result = await client.query(sql)
    return Array.isArray(result) ? [] : result.rows
  }
  try {
    await client.query(`SET search_path = public; SET timezone = 'UTC'; SET row_security = off;
      SET client_min_messages = warning; SET lock_timeout = '300ms'; SELECT pg_advisory_lock(${PRISMA_LOCK})`)
    await client.query(catalog.toolbox('postgres'))
    return await work(run)
  } finally {
    await client.end()
  }
}

/** The phase `keep` of a file. */
export async function keep(
  database: Database,
  catalog: Catalog,
  migration: string,
  options: Options = {},
): Promise<void> {
  const sql = catalog.downSql('postgres', migration)?.sections.keep ?? ''
  await runInBatches(database, catalog, { migration, statements: splitStatements(sql, 'postgres') }, options)
}

/** `close_keep` or `reverse_keep`. */
export async function endKeep(
  database: Database,
  catalog: Catalog,
  how: 'close' | 'reverse',
  migration: string,
  options: Options = {},
): Promise<void> {
  const statements = [`SELECT langfuse_rollout.${how}_keep('${migration}')`]
  await runInBatches(database, catalog, { migration, statements }, options)
}

/** Each statement in transactions of its own until it has nothing left to do; one that waits for a lock is tried again. */
async function runInBatches(
  database: Database,
  catalog: Catalog,
  { migration, statements }: { readonly migration: string; readonly statements: readonly string[] },
  options: Options,
): Promise<void> {
  const { runId = 'deploy', batch = 3 } = options
  const once = async (run: Session, statement: string): Promise<boolean> => {
    await run('BEGIN')
    await run(`SELECT set_config('langfuse_rollout.rollback_id', '${runId}', true),
      set_config('langfuse_rollout.migration', '${migration}', true),
      set_config('langfuse_rollout.batch', '${batch}', true), set_config('langfuse_rollout.more', '', true)`)
    await run(statement)
    const [row] = await run(`SELECT current_setting('langfuse_rollout.more') AS more`)
    await run('COMMIT')
    return row?.['more'] === 'yes'
  }
  const work = async (run: Session): Promise<void> => {
    for (const statement of statements) {
      let isMore = true
      while (isMore) {
        try {
          isMore = await once(run, statement)
        } catch (error) {
          if (sqlState(error) !== '55P03') throw error
          await run('ROLLBACK')
          await systemClock.sleep(20)
        }
      }
      await run('SELECT langfuse_rollout.forget_todo_lists()')
    }
  }
  await withSession(database, catalog, work, options)
}

/** What the migrate task does: each migration in one transaction, under Prisma's lock. */
export async function migrate(
  database: Database,
  catalog: Catalog,
  applied: ReadonlySet<string>,
  names: readonly string[],
  /** SQL that each of them has at its end. */
  more = '',
): Promise<void> {
  const client = await database.connect()
  const known = new Set(applied)
  try {
    await client.query(`SET search_path = public; SELECT pg_advisory_lock(${PRISMA_LOCK})`)
    for (const name of names) {
      await client.query(`BEGIN;\n${upStatements(catalog, name, known).join(';\n')}${more};\nCOMMIT`)
      known.add(name)
    }
  } finally {
    await client.end()
  }
}

/** A `tell` that ends the connection before its statement number `after`; `count` of the last one says how many there were. */
export function killedAfter(after: number): { readonly tell: (sql: string) => void; count(): number } {
  let seen = 0
  return {
    tell: () => {
      seen += 1
      if (seen > after) throw new Error('killed')
    },
    count: () => seen,
  }
}

type Kept = Readonly<Record<string, unknown>> & { readonly held: readonly string[] }

/** The manifest without what differs from run to run, and the rows that are kept. */
export async function readKept(database: Database): Promise<readonly Kept[]> {
  const rows =
    await database.run(`SELECT migration, relation, column_name, kind, how, rows::int, problem, stored_as,
      kept_at IS NOT NULL AS kept, closed_at IS NOT NULL AS closed, given_back_at IS NOT NULL AS back
    FROM langfuse_rollout.kept ORDER BY migration, kind, relation, id`)
  const kept: Kept[] = []
  for (const { stored_as: stored, ...row } of rows) {
    const held =
      stored === null
        ? []
        : await database.run(
            `SELECT to_jsonb(k)::text AS row FROM langfuse_rollout."${stored}" AS k ORDER BY 1`,
          )
    kept.push({ ...row, held: held.map(each => String(each['row'])) })
  }
  return kept
}

/** Everything in schema langfuse_rollout that keeping has made and that is still there. */
export async function leftovers(database: Database): Promise<readonly string[]> {
  const rows = await database.run(`
    SELECT relname AS name FROM pg_class WHERE relnamespace = 'langfuse_rollout'::regnamespace AND relname LIKE 'kept\\_\\_%'
    UNION ALL
    SELECT tgname FROM pg_trigger WHERE tgname LIKE 'langfuse\\_rollout\\_%'
    UNION ALL
    SELECT typname FROM pg_type WHERE typnamespace = 'langfuse_rollout'::regnamespace AND typtype = 'e' ORDER BY 1`)
  return rows.map(({ name }) => String(name))
}
