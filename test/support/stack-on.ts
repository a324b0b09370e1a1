import { loadCatalog } from '../../src/schema/catalog.ts'
import { keepsOf } from '../../src/schema/keep-calls.ts'
import type { BackgroundMigration, KeptData, PostgresState, Stack } from '../../src/stack/stack.ts'
import { known } from '../../src/stack/stack.ts'
import type { TargetImage, Targets } from '../../src/stack/targets.ts'
import { DIGEST, REGISTRY, stackOn2 } from './stack.ts'

/** The project's own catalog: what the plans of real releases are made from. */
export const CATALOG = loadCatalog(new URL('../../', import.meta.url))

/** The healthy stack, on any release that the catalog knows: its databases are as that release leaves them. */
export function stackOn(
  release: string,
  { clickhouse = '24.8.7', background = [] }: StackOptions = {},
): Stack {
  const stack = stackOn2()
  const migrations = CATALOG.postgresMigrations(release)
  const head = CATALOG.clickhouseHead(release)
  return {
    ...stack,
    worker: { ...stack.worker, image: { ...stack.worker.image, version: release } },
    clickhouse: { ...stack.clickhouse, image: { ...stack.clickhouse.image, version: clickhouse } },
    web: { ...stack.web, image: { ...stack.web.image, version: release } },
    health: known({ status: 200, version: release }, 'health'),
    postgres: known(
      {
        migrations: migrations.map(row => ({ ...row, state: 'applied' as const })),
        backgroundMigrations: background,
        pending: [],
      },
      'aurora',
    ),
    clickhouseStore: known({ version: clickhouse, timezone: 'UTC', head, dirty: false }, 'clickhouse'),
  }
}

export type StackOptions = {
  readonly clickhouse?: string
  readonly background?: readonly BackgroundMigration[]
}

/** Images of a release that are there, for both platforms; ClickHouse too where a version is given. */
export function targetsFor(release: string, clickhouse?: string): Targets {
  return {
    web: image('langfuse-web', release, DIGEST.web3),
    worker: image('langfuse-worker', release, DIGEST.worker3),
    ...(clickhouse !== undefined && { clickhouse: image('clickhouse', clickhouse, DIGEST.clickhouseNew) }),
  }
}

export function image(
  name: string,
  tag: string,
  digest: string,
  over: Partial<TargetImage> = {},
): TargetImage {
  return {
    asked: `${REGISTRY}/${name}:${tag}`,
    reference: `${REGISTRY}/${name}@${digest}`,
    digest,
    version: tag,
    presence: 'present',
    platforms: ['linux/amd64', 'linux/arm64'],
    ...over,
  }
}

/** The whole of what a deploy keeps of a migration, by default all in one state; ClickHouse's in four digits. */
export function keptOf(migration: string, over: Partial<KeptData> = {}): readonly KeptData[] {
  const isClickHouse = /^\d{4}$/.test(migration)
  const file = isClickHouse
    ? CATALOG.downSql('clickhouse', Number(migration))
    : CATALOG.downSql('postgres', migration)
  return keepsOf(file?.sections.keep ?? '', isClickHouse ? 'clickhouse' : 'postgres').map(call => ({
    migration,
    kind: call.kind,
    relation: call.table,
    column: call.kind === 'column' ? call.column : undefined,
    storedAs: `kept__${call.table}__${migration}`,
    rows: 7,
    at: Date.UTC(2026, 10, 30),
    state: 'complete',
    isOld: false,
    ...over,
  }))
}

/** The same stack with kept data, also in ClickHouse. */
export function withKept(stack: Stack, kept: readonly KeptData[], over: Partial<PostgresState> = {}): Stack {
  const { postgres, clickhouseStore } = stack
  const names = kept.flatMap(({ storedAs }) => storedAs ?? [])
  return {
    ...stack,
    ...(postgres.known && { postgres: { ...postgres, value: { ...postgres.value, kept, ...over } } }),
    ...(clickhouseStore.known && {
      clickhouseStore: { ...clickhouseStore, value: { ...clickhouseStore.value, kept: names } },
    }),
  }
}
