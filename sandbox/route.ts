import { Client } from 'pg'
import { ENCRYPTION_KEY } from './article/settings.ts'
import { openStage, type Stage } from './rehearse.ts'

export type Hop = {
  readonly from: string
  readonly to: string
  /** What a user of the article writes beside the version. */
  readonly inputs: Readonly<Record<string, string>>
}

/** The official route from the article's v2 (https://langfuse.com/self-hosting/upgrade). */
export const ROUTE: readonly Hop[] = [
  { from: '2.93.7', to: '3.29.0', inputs: { 'clickhouse-version': '24.12.3' } },
  { from: '3.29.0', to: '3.225.4', inputs: {} },
  { from: '3.225.4', to: '4.16.0', inputs: { 'clickhouse-version': '25.12.1' } },
]

/** The article's stack on 2.93.7 with all images of the route pushed, and so many more traces in PostgreSQL. */
export async function openRoute(options: {
  readonly folder: string
  readonly traces: number
  readonly speed?: number
  readonly log?: (line: string) => void
}): Promise<Stage> {
  const { traces, ...rest } = options
  // The module misspells the name of the worker's key, which every release from 3.144.0 on needs.
  const stage = await openStage({
    ...rest,
    pushed: ROUTE.map(({ to }) => to),
    worker: { ENCRYPTION_KEY },
  })
  const clickhouse = '25.12.1'
  stage.stack.sandbox.world.pushImage({
    repository: 'clickhouse',
    tags: [clickhouse],
    program: { kind: 'clickhouse', release: clickhouse },
  })
  await withPostgres(stage, client => client.query(manyTraces, [traces]))
  return stage
}

const manyTraces = `
INSERT INTO traces (id, timestamp, name, project_id, public, bookmarked, tags, input, created_at, updated_at)
  SELECT 'route-' || n, time, 'chat', 'project-' || (1 + n % 3), false, false, ARRAY['route'],
         jsonb_build_object('question', n), time, time
    FROM generate_series(1, $1::int) AS n,
         LATERAL (SELECT timestamp '2024-10-01 08:00:00' + n * interval '1 second' AS time) AS at`

export async function withPostgres<Result>(
  { stack }: Stage,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ connectionString: stack.databaseUrlLocal })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Waits until the worker has run what it runs; rows behind a feature flag stay. */
export async function backgroundIsOver(stage: Stage, minutes = 10): Promise<readonly string[]> {
  const deadline = Date.now() + minutes * 60_000
  for (;;) {
    const open = await withPostgres(stage, async client => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT name FROM background_migrations WHERE finished_at IS NULL AND failed_at IS NULL AND args->>'envGate' IS NULL`,
      )
      return rows.map(({ name }) => name)
    })
    if (open.length === 0 || Date.now() > deadline) return open
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}
