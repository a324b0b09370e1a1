import type { ReleaseFacts } from '../release/facts.ts'
import { renderDelta } from '../schema/postgres-sql.ts'
import { type Facts, parseKey, type Snapshot, sameFacts } from '../schema/snapshot.ts'
import type { PostgresState } from '../stack/stack.ts'
import { type Check, type Finding, failed, KIND, missing, passed, skipped, unseen, warning } from './check.ts'

/** Compares the schema with what the applied migrations create, so a missing migration is no difference. */
export const postgresSchema = {
  ...KIND.storesSetUp,
  id: 'postgres-schema',
  title: "PostgreSQL's schema matches its migrations",
  about: ['postgres'],
  run({ stack, facts }) {
    const seen = stack.probe.deepProbe.postgresSchema
    if (!seen.known) return unseen(seen)
    if (!stack.postgres.known) return missing({ ...stack.postgres, because: 'no-evidence' })
    const wanted = schemaOf(stack.postgres.value, facts)
    return 'because' in wanted ? skipped(wanted.because) : evaluatePostgres(seen.value, wanted.schema)
  },
} as const satisfies Check

function schemaOf(
  { migrations, pending, lock }: PostgresState,
  facts: ReleaseFacts,
): { readonly schema: Snapshot } | { readonly because: string } {
  const applied = migrations.filter(({ state }) => state === 'applied').map(({ name }) => name)
  if (applied.length === 0)
    return { because: 'No Postgres migration is applied, so there is nothing to compare.' }
  const failed = migrations.find(({ state }) => state === 'failed')
  if (failed !== undefined)
    return {
      because: `Postgres migration ${failed.name} failed, so the schema was not compared. Repair it, then verify again.`,
    }
  if (pending.length > 0)
    return {
      because: `A rollback is unfinished, so the schema was not compared. ${lock?.expired === false ? 'Wait until it ends' : 'Run rollback again'}.`,
    }
  const strange = applied.find(name => facts.postgresChecksums(name).length === 0)
  return strange === undefined
    ? { schema: facts.postgresSchema(applied) }
    : {
        because: `This action's catalog has no Postgres migration ${strange}, so the schema was not compared. Use a newer version of this action.`,
      }
}

type Difference = { readonly key: string; readonly what: string; readonly breaks: boolean }

function evaluatePostgres(seen: Snapshot, wanted: Snapshot): Finding {
  const differences = differencesOf(seen, wanted)
  const others = foreignObjects(seen, wanted)
  const [first] = differences.toSorted((left, right) => Number(right.breaks) - Number(left.breaks))
  if (first === undefined) {
    const objects = `All ${Object.keys(wanted).length} objects of Langfuse match its migrations`
    return passed(`${objects}${noteOf(others)}.`)
  }
  const sentence = `PostgreSQL's schema differs from its migrations: ${firstFive(differences.map(({ what }) => what))}. It was changed by hand or only partly restored. ${repairOf(first.key, seen, wanted)}.`
  return differences.some(({ breaks }) => breaks) ? failed(sentence) : warning(sentence)
}

function differencesOf(seen: Snapshot, wanted: Snapshot): readonly Difference[] {
  const lacking = Object.keys(wanted).filter(key => seen[key] === undefined)
  const gone = outermost(lacking).map(key => ({
    key,
    what: `${key} is missing`,
    breaks: BREAKS.has(parseKey(key).kind),
  }))
  const changed = Object.entries(wanted).flatMap(([key, facts]) => {
    const present = seen[key]
    // PostgreSQL 15 and 16 format the text of a view differently.
    if (present === undefined || sameFacts(present, facts) || key.startsWith('view ')) return []
    return [{ key, what: `${key} ${changeOf(present, facts)}`, breaks: isBreaking(present, facts) }]
  })
  const strict = Object.keys(seen)
    .filter(key => wanted[key] === undefined && isObstacle(key, seen, wanted))
    .map(key => ({
      key,
      what: `${key} is not Langfuse's, is NOT NULL and has no default, so every insert by Langfuse fails`,
      breaks: true,
    }))
  return [...gone, ...changed, ...strict]
}

const BREAKS: ReadonlySet<string> = new Set(['table', 'column', 'enum'])

function changeOf(present: Facts, facts: Facts): string {
  if (present['invalid'] === true) return 'is invalid (its CREATE INDEX CONCURRENTLY was interrupted)'
  return [...new Set([...Object.keys(present), ...Object.keys(facts)])]
    .filter(name => JSON.stringify(present[name]) !== JSON.stringify(facts[name]))
    .map(name => `has ${name} ${show(present[name])} instead of ${show(facts[name])}`)
    .join(', ')
}

function show(value: Facts[string] | undefined): string {
  if (value === undefined || value === null) return 'none'
  const text = Array.isArray(value) ? value.join(' | ') : String(value)
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

/** A column of another type, or an enum that lacks a label of Langfuse. */
function isBreaking(present: Facts, facts: Facts): boolean {
  const labels = facts['labels']
  if (Array.isArray(labels))
    return !labels.every(label => (present['labels'] as readonly string[]).includes(label))
  return present['type'] !== facts['type']
}

function isObstacle(key: string, seen: Snapshot, wanted: Snapshot): boolean {
  const { kind, names } = parseKey(key)
  const { notNull, default: fallback, identity, generated } = seen[key] ?? {}
  const isOfLangfuse = wanted[`table ${names.slice(0, -1).join('.')}`] !== undefined
  return kind === 'column' && isOfLangfuse && notNull === true && !fallback && !identity && !generated
}

/** Objects that Langfuse did not create: reported, but no difference. */
function foreignObjects(seen: Snapshot, wanted: Snapshot): readonly string[] {
  return outermost(Object.keys(seen).filter(key => wanted[key] === undefined))
}

/** Without the parts of a table that is in the list itself. */
function outermost(keys: readonly string[]): readonly string[] {
  const tables = new Set(keys.filter(key => key.startsWith('table ')))
  return keys.filter(key => {
    const { kind, names } = parseKey(key)
    return (
      kind === 'table' || names.length < 3 || !tables.has(`table ${names.slice(0, -1).map(plain).join('.')}`)
    )
  })
}

const plain = (name: string) => (/^\w+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

function noteOf(others: readonly string[]): string {
  if (others.length === 0) return ''
  return `; ${others.length} more ${others.length === 1 ? 'is' : 'are'} not Langfuse's (${firstFive(others, ', ')})`
}

function firstFive(texts: readonly string[], between = '; '): string {
  const shown = texts.slice(0, 5).join(between)
  return texts.length > 5 ? `${shown}${between}and ${texts.length - 5} more` : shown
}

function repairOf(key: string, seen: Snapshot, wanted: Snapshot): string {
  const facts = wanted[key]
  const present = seen[key]
  if (facts === undefined) return `Give ${key} a default, or drop it`
  const { kind, names } = parseKey(key)
  const inside = Object.entries(wanted).filter(
    ([other]) => other === key || (kind === 'table' && other.startsWith('column ') && isIn(other, names)),
  )
  const delta = {
    renamed: [],
    removed: {},
    added: present === undefined ? Object.fromEntries(inside) : {},
    changed: present === undefined ? {} : { [key]: { from: present, to: facts } },
  }
  const sql = renderDelta(delta, seen, wanted).map(statement => statement.sql.replaceAll(/\s+/g, ' ').trim())
  const text = sql.join('; ')
  return text === '' || text.length > 400
    ? 'Compare it with a new database of this release, and restore the difference'
    : `Restore it with \`${text}\``
}

function isIn(key: string, table: readonly string[]): boolean {
  return parseKey(key).names.slice(0, -1).join('.') === table.join('.')
}

export const clickhouseTables = {
  ...KIND.storesSetUp,
  id: 'clickhouse-tables',
  title: "ClickHouse's tables match its schema version",
  about: ['clickhouse'],
  run({ stack, facts }) {
    const seen = stack.probe.deepProbe.clickhouseSchema
    if (!seen.known) return unseen(seen)
    if (!stack.clickhouseStore.known) return missing({ ...stack.clickhouseStore, because: 'no-evidence' })
    const { head, dirty } = stack.clickhouseStore.value
    const newest = Math.max(0, ...facts.releases.map(release => release.clickhouseHead))
    if (head === 0) return skipped('ClickHouse has no schema yet, so there is nothing to compare.')
    if (dirty)
      return skipped(`ClickHouse migration ${head} is half done, so the tables are between two states.`)
    if (head > newest)
      return skipped(
        `This action's catalog has no ClickHouse migration ${head}, so the tables were not compared. Use a newer version of this action.`,
      )
    return evaluateClickHouse(seen.value, facts.clickhouseSnapshot(head), head)
  },
} as const satisfies Check

function evaluateClickHouse(seen: Snapshot, wanted: Snapshot, head: number): Finding {
  const differences = Object.entries(wanted).flatMap(([key, facts]) => tableDifference(key, facts, seen))
  const lacking = new Set(
    differences.filter(({ key, breaks }) => breaks && seen[key] === undefined).map(({ key }) => key),
  )
  const relevant = differences.filter(({ key }) => {
    const { kind, names } = parseKey(key)
    return kind === 'table' || kind === 'view' || !lacking.has(`table ${names[0]}`)
  })
  if (relevant.length === 0) {
    const tables = Object.keys(wanted).filter(key => /^(table|view) /.test(key))
    return passed(
      `All ${tables.length} tables and views of schema version ${head} exist with the right engines and columns.`,
    )
  }
  const sentence = `ClickHouse's tables differ from schema version ${head}: ${firstFive(relevant.map(({ what }) => what))}. They were changed by hand, or part of the volume was lost. Restore the EFS recovery point, or recreate them as Langfuse's ClickHouse migrations do.`
  return relevant.some(({ breaks }) => breaks) ? failed(sentence) : warning(sentence)
}

/** Compares what all versions of ClickHouse format alike: engine names and types, but no defaults, codecs or view texts. */
function tableDifference(key: string, facts: Facts, seen: Snapshot): readonly Difference[] {
  const present = seen[key]
  const { kind } = parseKey(key)
  if (present === undefined) return [{ key, what: `${key} is missing`, breaks: kind !== 'index' }]
  if (kind === 'table' && engineOf(present) !== engineOf(facts))
    return [
      { key, what: `${key} has engine ${engineOf(present)} instead of ${engineOf(facts)}`, breaks: true },
    ]
  if (kind === 'column' && typeOf(present) !== typeOf(facts))
    return [
      { key, what: `${key} is ${show(present['type'])} instead of ${show(facts['type'])}`, breaks: false },
    ]
  return []
}

/** A replicated or shared table behaves the same. */
function engineOf({ engine }: Facts): string {
  const name = String(engine ?? '').split('(')[0] ?? ''
  return name.trim().replace(/^(Replicated|Shared)/, '')
}

const typeOf = ({ type }: Facts): string => String(type ?? '').replaceAll(' ', '')
