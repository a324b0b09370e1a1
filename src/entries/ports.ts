import type { ClickHouseAccess, StackConfig } from '../inputs/config.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ClickHouse, Postgres } from '../ports/databases.ts'
import type { Http } from '../ports/http.ts'
import type { ImageTool } from '../ports/image-tool.ts'
import type { Records } from '../ports/records.ts'
import type { ReleaseSource } from '../ports/release-source.ts'
import type { Runner } from '../ports/runner.ts'
import type { ReleaseFacts } from '../release/facts.ts'

/** Everything outside: the adapters in production, fakes in tests. */
export type Ports = {
  readonly runner: Runner
  readonly clock: Clock
  readonly http: Http
  readonly facts: ReleaseFacts
  /** For releases that are newer than the catalog. */
  readonly releases: ReleaseSource
  /** Aborted when the runner cancels the job. */
  readonly signal: AbortSignal
  cloud(region: string): Cloud
  postgres(url: string): Postgres
  clickhouse(access: ClickHouseAccess): ClickHouse
  /** undefined when this machine has no program that copies images. */
  imageTool(): Promise<ImageTool | undefined>
  /** undefined without a token or outside of a repository. */
  records(config: StackConfig): Records | undefined
}

/** The ports of one run, with the connections that its inputs name. */
export type Connections = {
  readonly cloud: Cloud
  readonly http: Http
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
}

export function connect(config: StackConfig, ports: Ports): Connections {
  const { databases } = config
  return {
    cloud: ports.cloud(config.region),
    http: ports.http,
    postgres: databases?.databaseUrl === undefined ? undefined : ports.postgres(databases.databaseUrl),
    clickhouse: databases?.clickhouse === undefined ? undefined : ports.clickhouse(databases.clickhouse),
  }
}
