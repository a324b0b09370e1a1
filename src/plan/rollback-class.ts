import type { ReleaseFacts } from '../release/facts.ts'
import { clickhouseName } from '../release/facts.ts'
import type { PostgresMigration } from '../schema/catalog.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import { bytewise } from '../schema/snapshot.ts'
import type { RollbackClass } from './plan.ts'

/** What is between two states of the databases: what to undo, with which SQL, and what has none. */
export type Undo = {
  /** Newest first. */
  readonly postgres: readonly string[]
  readonly clickhouse: readonly number[]
  /** The version that golang-migrate of the older release has to find; undefined: it finds it already. */
  readonly clickhouseHead: number | undefined
  /** Migrations whose change both releases have, under different names. */
  readonly renamed: Renamed
  readonly sql: readonly DownSql[]
  /** Without a reviewed file, as `store/name`. */
  readonly missing: readonly string[]
}

/**
 * Rows of `_prisma_migrations` that take each other's place. Without the older name's row, an older web applies the
 * migration again when it starts: 3.151.0 to 3.155.0 fail on what is there already, and never start again (P3009).
 */
export type Renamed = {
  readonly from: readonly string[]
  /** With the checksums of the older release's files. */
  readonly to: readonly PostgresMigration[]
}

/** The state of both databases, as far as migrations go. */
type MigrationState = { readonly postgres: readonly string[]; readonly clickhouseHead: number }

/**
 * The Postgres migrations that are applied and that the older release does not know, newest first: a set
 * difference, because Langfuse inserts migrations out of order; and ClickHouse's numbers above its head.
 */
export function undoBetween(state: MigrationState, older: string, facts: ReleaseFacts): Undo {
  const known = facts.postgresMigrations(older)
  const kept = new Set(known.map(migration => migration.name))
  const applied = new Set(state.postgres)
  const sharesChange = (name: string, names: ReadonlySet<string>): boolean =>
    facts.otherNames(name).some(other => names.has(other))
  const unknown = [...applied].filter(name => !kept.has(name))
  const postgres = unknown
    .filter(name => !sharesChange(name, kept))
    .sort(bytewise)
    .reverse()
  const head = facts.release(older)?.clickhouseHead ?? state.clickhouseHead
  const clickhouse = numbersDown(state.clickhouseHead, head)
  return {
    postgres,
    clickhouse,
    clickhouseHead: clickhouse.length > 0 ? head : undefined,
    renamed: {
      from: unknown.filter(name => sharesChange(name, kept)),
      to: known.filter(({ name }) => !applied.has(name) && sharesChange(name, applied)),
    },
    ...filesOf(postgres, clickhouse, facts),
  }
}

function numbersDown(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, from - to) }, (_, index) => from - index)
}

function filesOf(
  postgres: readonly string[],
  clickhouse: readonly number[],
  facts: ReleaseFacts,
): Pick<Undo, 'sql' | 'missing'> {
  const wanted: readonly (readonly [Engine, string])[] = [
    ...postgres.map(name => ['postgres', name] as const),
    ...clickhouse.map(version => ['clickhouse', clickhouseName(version)] as const),
  ]
  const found = wanted.map(([store, name]) => ({
    store,
    name,
    sql: facts.downSql(store, name),
  }))
  return {
    sql: found.flatMap(({ sql }) => sql ?? []),
    missing: found.flatMap(({ store, name, sql }) => (sql === undefined ? [`${store}/${name}`] : [])),
  }
}

/** The worst class of what has to be undone; a migration without down SQL can only be restored. */
export function classOf(undo: Undo): RollbackClass {
  if (undo.missing.length > 0) return 'restore'
  const ranks: readonly RollbackClass[] = ['images', 'schema', 'lossy', 'restore']
  const least = isNothing(undo) ? 'images' : 'schema'
  const worst = Math.max(ranks.indexOf(least), ...undo.sql.map(file => ranks.indexOf(file.class)))
  return ranks[worst] ?? 'restore'
}

/** The migrations without down SQL, for a sentence: `Postgres migration A and ClickHouse migration 0047`. */
export function withoutDownSql({ missing }: Pick<Undo, 'missing'>): string {
  return missing
    .map(name =>
      name.replace('postgres/', 'Postgres migration ').replace('clickhouse/', 'ClickHouse migration '),
    )
    .join(', ')
    .replace(/, (?=[^,]*$)/, ' and ')
}

/** Whether the databases stay as they are. */
export function isNothing({ postgres, clickhouse, renamed }: Undo): boolean {
  return postgres.length + clickhouse.length + renamed.from.length + renamed.to.length === 0
}
