import { Client } from 'pg'
import { readClickHouseSnapshot } from '../src/schema/clickhouse-schema.ts'
import { isEmptyDelta } from '../src/schema/diff.ts'
import { readPostgresSnapshot } from '../src/schema/postgres-schema.ts'
import type { Snapshot } from '../src/schema/snapshot.ts'
import type { ArticleStack } from './article.ts'
import { viewOf } from './aws/apprunner/configuration.ts'
import { countByKind, describeDelta } from './describe-delta.ts'
import { diffSnapshots } from './diff-snapshots.ts'
import { clickhouseClient } from './langfuse/clickhouse-http.ts'
import { compareFingerprints, type Fingerprint, fingerprint } from './seed.ts'

/** Images, schemas and every row, to compare before and after. */
export type StackSnapshot = {
  readonly images: Readonly<Record<'web' | 'worker' | 'clickhouse', string>>
  readonly postgres: Snapshot
  readonly clickhouse: Snapshot
  readonly clickhouseHead: number
  readonly postgresMigrations: number
  readonly rows: Fingerprint
}

export async function takeSnapshot(stack: ArticleStack): Promise<StackSnapshot> {
  const access = clickhouseAccess(stack)
  const clickhouse = clickhouseClient(access)
  const client = new Client({ connectionString: stack.databaseUrlLocal })
  await client.connect()
  try {
    const [head] = await clickhouse.query(
      'SELECT version FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
    )
    const migrations = await client.query(
      'SELECT count(*)::int AS count FROM "_prisma_migrations" WHERE finished_at IS NOT NULL',
    )
    return {
      images: await runningImages(stack),
      postgres: await readPostgresSnapshot(async sql => (await client.query(sql)).rows),
      clickhouse: await readClickHouseSnapshot(sql => clickhouse.query(sql), 'default'),
      clickhouseHead: Number(head?.['version']),
      postgresMigrations: migrations.rows[0].count,
      rows: await fingerprint(stack.databaseUrlLocal, access),
    }
  } finally {
    await client.end()
  }
}

export function clickhouseAccess(stack: ArticleStack) {
  return {
    url: stack.clickhouseUrlLocal,
    user: stack.clickhouseUser,
    password: stack.clickhousePassword,
    database: 'default',
  }
}

/** Digests of the running images: of the tasks and of App Runner. */
async function runningImages(stack: ArticleStack): Promise<StackSnapshot['images']> {
  const { world } = stack.sandbox
  const [web] = world.appRunner.services.values()
  const image = web && world.images.find(viewOf(web.configuration).image)
  return {
    web: image?.found === true ? image.image.digest : 'none',
    worker: await taskDigest(stack, 'langfuse_worker'),
    clickhouse: await taskDigest(stack, 'clickhouse'),
  }
}

async function taskDigest({ sandbox }: ArticleStack, serviceName: string): Promise<string> {
  const list = await sandbox.world.call('ecs', 'ListTasks', {
    cluster: 'langfuse',
    serviceName,
    desiredStatus: 'RUNNING',
  })
  const tasks = Array.isArray(list['taskArns']) ? list['taskArns'] : []
  const described = await sandbox.world.call('ecs', 'DescribeTasks', { cluster: 'langfuse', tasks })
  const digests = [...JSON.stringify(described).matchAll(/"imageDigest":"([^"]+)"/g)].map(match => match[1])
  return digests.join(' and ')
}

export type Comparison = {
  readonly rows: readonly (readonly [what: string, before: string, after: string, same: boolean])[]
  readonly equal: boolean
  readonly details: readonly string[]
}

/** The table at the end of the rehearsal. Rows may be added and changed; none may be lost. */
export function compareSnapshots(before: StackSnapshot, after: StackSnapshot): Comparison {
  const images = (['web', 'worker', 'clickhouse'] as const).map(name =>
    same(`image of ${name}`, before.images[name], after.images[name]),
  )
  const migrations = [
    same('Postgres migrations', before.postgresMigrations, after.postgresMigrations),
    same('ClickHouse head', before.clickhouseHead, after.clickhouseHead),
  ]
  const schemas = [
    ...compareSchema('Postgres', before.postgres, after.postgres),
    ...compareSchema('ClickHouse', before.clickhouse, after.clickhouse),
  ]
  const tables = compareFingerprints(before.rows, after.rows)
  const total = (key: 'before' | 'after' | 'lost') => tables.reduce((sum, table) => sum + table[key], 0)
  const lost = ['rows lost', '0', String(total('lost')), total('lost') === 0] as const
  const rows = [
    ...images,
    ...migrations,
    ...schemas,
    ['rows', String(total('before')), String(total('after')), true] as const,
    lost,
  ]
  const details = [before.postgres, before.clickhouse].flatMap((snapshot, index) =>
    describeDelta(diffSnapshots(snapshot, index === 0 ? after.postgres : after.clickhouse)),
  )
  return { rows, equal: rows.every(row => row[3]), details }
}

/** One line per kind of object; equal only if every object of that kind is the same. */
function compareSchema(store: string, before: Snapshot, after: Snapshot): Comparison['rows'] {
  const [was, is] = [countByKind(before), countByKind(after)]
  const kinds = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort() as (keyof typeof was)[]
  return kinds.map(kind => {
    const of = (snapshot: Snapshot) =>
      Object.fromEntries(Object.entries(snapshot).filter(([key]) => key.startsWith(`${kind} `)))
    const exact = isEmptyDelta(diffSnapshots(of(before), of(after)))
    const plural = kind === 'index' ? 'indexes' : `${kind}s`
    return [`${store} ${plural}`, String(was[kind] ?? 0), String(is[kind] ?? 0), exact] as const
  })
}

function same(what: string, before: string | number, after: string | number) {
  return [what, String(before), String(after), before === after] as const
}
