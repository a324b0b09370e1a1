import { createAgent, type Program } from '../agent/agent.ts'
import { RolloutError } from '../errors/rollout-error.ts'
import type { RearmInside, UndoInside } from '../execute/execution.ts'
import type { ClickHouseAccess, StackConfig } from '../inputs/config.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ClickHouse, Postgres, Valkey } from '../ports/databases.ts'
import type { Http } from '../ports/http.ts'
import type { ImageTool } from '../ports/image-tool.ts'
import type { Issues } from '../ports/issues.ts'
import type { LangfuseAccess, LangfuseApi } from '../ports/langfuse.ts'
import type { Names } from '../ports/names.ts'
import type { Records } from '../ports/records.ts'
import type { ReleaseSource } from '../ports/release-source.ts'
import type { Runner } from '../ports/runner.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { findDataApi } from '../stack/data-api.ts'
import { observePostgres, POSTGRES_NOT_GIVEN } from '../stack/databases.ts'
import { type LookAtMount, lookInside, workerAddresses } from '../stack/inside.ts'
import { type CountLosses, countLosses } from '../stack/losses.ts'
import type { Sources } from '../stack/observe.ts'
import type { EcsComponent, Observed, PostgresState, Stack } from '../stack/stack.ts'

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
  valkey(url: string): Valkey
  langfuse(access: LangfuseAccess): LangfuseApi
  readonly names: Names
  /** A bundle of the agent, as text. */
  agentProgram(name: Program): Promise<string>
  /** undefined when this machine has no program that copies images. */
  imageTool(): Promise<ImageTool | undefined>
  /** undefined without a token or outside of a repository. */
  records(config: StackConfig): Records | undefined
  /** undefined without a token or outside of a repository. */
  issues(config: StackConfig): Issues | undefined
}

/** The ports of one run, with the ways to the stores that its inputs name. */
export type Connections = Sources & {
  /** Through Aurora's Data API it is there after the first look. */
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
  readonly undoInside: UndoInside | undefined
  /** undefined: nobody can start a task that mounts ClickHouse's volume. */
  readonly mount: LookAtMount | undefined
  readonly rearmInside: RearmInside | undefined
  readonly countLosses: CountLosses
}

/** From this runner with the addresses that it was given; else by an agent in a task of its own (`network`). */
export function connect(config: StackConfig, ports: Ports): Connections {
  const { databases } = config
  const outside = { cloud: ports.cloud(config.region), http: ports.http }
  if (databases === undefined) return byAgent(config, ports, outside)
  const { databaseUrl, clickhouse, redisUrl } = databases
  const aurora = auroraOf(config, ports, outside.cloud)
  const stores = {
    postgres: databaseUrl === undefined ? undefined : ports.postgres(databaseUrl),
    clickhouse: clickhouse === undefined ? undefined : ports.clickhouse(clickhouse),
    valkey: redisUrl === undefined ? undefined : ports.valkey(redisUrl),
    names: ports.names,
    http: ports.http,
  }
  return {
    ...outside,
    get postgres() {
      return stores.postgres ?? aurora.postgres()
    },
    clickhouse: stores.clickhouse,
    undoInside: undefined,
    async lookInside(worker, closely) {
      const workers = workerAddresses(worker)
      if (stores.postgres !== undefined || clickhouse === undefined)
        return lookInside(stores, workers, closely)
      const [inside, postgres] = await Promise.all([
        lookInside(stores, workers, closely),
        aurora.look(worker, POSTGRES_NOT_GIVEN),
      ])
      return { ...inside, postgres }
    },
    mount: undefined,
    rearmInside: undefined,
    countLosses: losses => countLosses(losses, { ...stores, postgres: stores.postgres ?? aurora.postgres() }),
    insideIsSlow: false,
  }
}

type Outside = Pick<Connections, 'cloud' | 'http'>

function byAgent(config: StackConfig, ports: Ports, outside: Outside): Connections {
  const { cloud } = outside
  const aurora = auroraOf(config, ports, cloud)
  const { clock, signal, runner } = ports
  const agent = createAgent({
    cloud,
    clock,
    signal,
    say: line => runner.info(line),
    program: name => ports.agentProgram(name),
    optional: config.network === 'auto',
  })
  return {
    ...outside,
    get postgres() {
      return aurora.postgres()
    },
    clickhouse: undefined,
    undoInside: agent.undo,
    async lookInside(worker, closely) {
      const inside = await agent.look(worker, closely)
      const { postgres } = inside
      // Only where an agent cannot stand: one that broke off is not made good by looking in another way.
      if (config.network !== 'auto' || postgres.known || postgres.because !== 'not-asked') return inside
      return { ...inside, postgres: await aurora.look(worker, postgres.reason) }
    },
    mount: agent.lookAtMount,
    rearmInside: agent.rearm,
    countLosses: (losses, worker) => {
      const postgres = aurora.postgres()
      return postgres === undefined
        ? agent.count(losses, worker)
        : countLosses(losses, { postgres, clickhouse: undefined })
    },
    insideIsSlow: true,
  }
}

/** PostgreSQL through Aurora's Data API, once a look has found it usable. */
type Aurora = {
  postgres(): Postgres | undefined
  /** @param otherwise why PostgreSQL is not seen, where the Data API cannot be used either */
  look(worker: EcsComponent, otherwise: string): Promise<Observed<PostgresState>>
}

function auroraOf(config: StackConfig, { runner }: Ports, cloud: Cloud): Aurora {
  let found: Postgres | undefined
  return {
    postgres: () => found,
    async look(worker, otherwise) {
      if (found === undefined) {
        const way = await findDataApi(config, worker, cloud)
        if (!way.known) {
          const reason = `${otherwise}; Aurora's Data API cannot stand in for it: ${way.reason}`
          return { known: false, reason, because: 'not-asked' }
        }
        found = way.value
        runner.info(`PostgreSQL is read through ${found.address}; the cluster is known by ${way.source}`)
      }
      return observePostgres(found)
    },
  }
}

/** Nothing is begun on a picture with holes: without images, operations, or (with `network: task`) the databases. */
export function demandEvidence({ network }: StackConfig, stack: Stack): void {
  const { postgres, clickhouseStore, web, worker, clickhouse } = stack
  const operations = web.platform === 'app-runner' ? web.unseen : undefined
  const [hole] = [web.image, worker.image, clickhouse.image].flatMap(({ unseen }) => unseen ?? [])
  const problem = hole ?? operations
  if (problem !== undefined) throw new RolloutError(problem)
  const unseen = [postgres, clickhouseStore].find(store => !store.known && store.because === 'no-evidence')
  if (network === 'task' && unseen?.known === false) throw new RolloutError(`${capital(unseen.reason)}.`)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
