import { createAgent, type Program } from '../agent/agent.ts'
import { RolloutError } from '../errors/errors.ts'
import type { RearmInside, UndoInside } from '../execute/execution.ts'
import type { ClickHouseAccess, StackConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ClickHouse, Postgres, Valkey } from '../ports/databases.ts'
import type { Issues, Records, ReleaseSource } from '../ports/github.ts'
import type { Http, LangfuseAccess, LangfuseApi, Names } from '../ports/http.ts'
import type { Clock, ImageTool, Runner } from '../ports/runner.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { type CountLosses, countLosses } from '../stack/count-losses.ts'
import type { Sources } from '../stack/observe.ts'
import { type ProbeMount, probeInside, workerAddresses } from '../stack/probe-inside.ts'
import type { Stack } from '../stack/stack.ts'

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
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
  readonly undoInside: UndoInside | undefined
  /** undefined: nobody can start a task that mounts ClickHouse's volume. */
  readonly mount: ProbeMount | undefined
  readonly rearmInside: RearmInside | undefined
  readonly countLosses: CountLosses
}

/** From this runner with the addresses that it was given; else by an agent in a task of its own (`network`). */
export function connect(config: StackConfig, ports: Ports): Connections {
  const { databases } = config
  const outside = { cloud: ports.cloud(config.region), http: ports.http }
  if (databases === undefined) return byAgent(config, ports, outside)
  const { databaseUrl, clickhouse, redisUrl } = databases
  const stores = {
    postgres: databaseUrl === undefined ? undefined : ports.postgres(databaseUrl),
    clickhouse: clickhouse === undefined ? undefined : ports.clickhouse(clickhouse),
    valkey: redisUrl === undefined ? undefined : ports.valkey(redisUrl),
    names: ports.names,
    http: ports.http,
  }
  return {
    ...outside,
    postgres: stores.postgres,
    clickhouse: stores.clickhouse,
    undoInside: undefined,
    probeInside: (worker, deepProbe) => probeInside(stores, workerAddresses(worker), deepProbe),
    mount: undefined,
    rearmInside: undefined,
    countLosses: losses => countLosses(losses, stores),
    probeIsExpensive: false,
  }
}

type Outside = Pick<Connections, 'cloud' | 'http'>

function byAgent(config: StackConfig, ports: Ports, outside: Outside): Connections {
  const { clock, signal, runner } = ports
  const agent = createAgent({
    cloud: outside.cloud,
    clock,
    signal,
    say: line => runner.info(line),
    program: name => ports.agentProgram(name),
    optional: config.network === 'auto',
  })
  return {
    ...outside,
    postgres: undefined,
    clickhouse: undefined,
    undoInside: agent.undo,
    probeInside: agent.observe,
    mount: agent.probeMount,
    rearmInside: agent.rearm,
    countLosses: agent.count,
    probeIsExpensive: true,
  }
}

/** Nothing is begun on a picture with holes: without images, operations, or (with `network: task`) the databases. */
export function requireObservations({ network }: StackConfig, stack: Stack): void {
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
