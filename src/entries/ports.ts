import { createAgent, type Program } from '../agent/agent.ts'
import type { RearmInside, UndoInside } from '../execute/execution.ts'
import type { ClickHouseAccess, StackConfig, VerifyConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ClickHouse, Postgres, Valkey } from '../ports/databases.ts'
import type { Issues, Records, ReleaseSource } from '../ports/github.ts'
import type { Http, LangfuseAccess, LangfuseApi, Names } from '../ports/http.ts'
import type { Clock, ImageTool, Runner } from '../ports/runner.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import type { Claim } from '../schema/run-lock.ts'
import { type CountLosses, countLosses } from '../stack/count-losses.ts'
import type { Sources } from '../stack/observe.ts'
import { type ObserveDependents, observeDependents } from '../stack/observe-dependents.ts'
import { type ProbeMount, probeInside, workerAddresses } from '../stack/probe-inside.ts'
import { configuredPostgres } from '../stack/proof.ts'

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
  /** URL of this workflow run; undefined outside of GitHub. */
  readonly runUrl: string | undefined
}

/** The ports of one run, connected to the databases that its inputs name. */
export type Connections = Sources & {
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
  readonly undoInside: UndoInside | undefined
  /** undefined: no task can mount ClickHouse's volume, because this run starts none. */
  readonly mount: ProbeMount | undefined
  readonly rearmInside: RearmInside | undefined
  readonly countLosses: CountLosses
  readonly observeDependents: ObserveDependents
  /** The same, for the run's last observation: an agent that makes it also releases the run's lock. */
  releasing(claim: Claim): Connections
}

type RunConfig = StackConfig & Partial<Pick<VerifyConfig, 'langfuse'>>

/** Connects from this runner if it has the addresses, else through an agent in a one-off task (`network`). */
export function connect(config: RunConfig, ports: Ports): Connections {
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
    publicKey: config.langfuse?.publicKey,
  }
  const connections: Connections = {
    ...outside,
    postgres: stores.postgres,
    clickhouse: stores.clickhouse,
    undoInside: undefined,
    // The URL is read from this runner anyway.
    probeInside: (worker, deepProbe, { tasks }) =>
      probeInside(
        { ...stores, configuredHost: configuredPostgres(worker)?.host },
        { workers: workerAddresses(worker), web: tasks },
        deepProbe,
      ),
    mount: undefined,
    rearmInside: undefined,
    countLosses: losses => countLosses(losses, stores),
    observeDependents: question => observeDependents(question, stores),
    probeIsExpensive: false,
    releasing: () => connections,
  }
  return connections
}

type Outside = Pick<Connections, 'cloud' | 'http'>

function byAgent(config: RunConfig, ports: Ports, outside: Outside): Connections {
  const { clock, signal, runner } = ports
  const agent = createAgent({
    cloud: outside.cloud,
    clock,
    signal,
    say: line => runner.info(line),
    program: name => ports.agentProgram(name),
    optional: config.network === 'auto',
    publicKey: config.langfuse?.publicKey,
  })
  const connections: Connections = {
    ...outside,
    postgres: undefined,
    clickhouse: undefined,
    undoInside: agent.undo,
    probeInside: agent.observe,
    mount: agent.probeMount,
    rearmInside: agent.rearm,
    countLosses: agent.count,
    observeDependents: agent.dependents,
    probeIsExpensive: true,
    releasing: claim => ({
      ...connections,
      probeInside: (worker, deepProbe, web) => agent.observe(worker, deepProbe, web, claim),
    }),
  }
  return connections
}
