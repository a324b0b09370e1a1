import { RolloutError } from '../errors/errors.ts'
import { migrationTasks } from '../execute/migrate.ts'
import { ecsRestores, onEcs } from '../execute/own-rollback.ts'
import { waitFor } from '../execute/wait.ts'
import type { StackConfig } from '../inputs/config.ts'
import { ecsState } from '../plan/image-steps.ts'
import { observe, probeAgain, quickSources } from '../stack/observe.ts'
import type { Stack } from '../stack/stack.ts'
import type { Connections, Ports } from './ports.ts'

/** ClickHouse stops before it starts, a migration marks its database dirty, and ECS takes minutes to roll back. */
const SETTLE_MS = 10 * 60_000
/** Each poll observes the whole stack. */
const EVERY_MS = 10_000

/**
 * The observation that a plan starts from. A change that a killed run left in progress looks broken until AWS has
 * finished it, so this waits for it; only what is still broken afterwards is a problem.
 */
export async function observeReady(
  config: StackConfig,
  connections: Connections,
  { ports, deadline }: { readonly ports: Ports; readonly deadline: number },
): Promise<Stack> {
  const { clock, signal, runner } = ports
  const first = await observe(config, connections)
  requireObservations(config, first)
  announceWeb(first, runner)
  let note = await passing(first, connections)
  if (note === undefined) return first
  const until = Math.min(deadline, clock.now() + SETTLE_MS)
  const { postgres, clickhouseStore: clickhouse, probe } = first
  const quick = quickSources(connections, { postgres, clickhouse, probe })
  const settled = await waitFor<Stack>(
    async () => {
      const before = note
      const stack = await observe(config, quick)
      note = await passing(stack, connections)
      // A database may have been observed just before the change ended: observe it once more.
      const over = note === undefined && (before === undefined || !isDirty(stack))
      return over || clock.now() >= until
        ? { state: 'settled', value: stack }
        : { state: 'waiting', note: note ?? 'observing the databases once more', every: EVERY_MS }
    },
    {
      clock,
      signal,
      deadline,
      say: line => runner.info(line),
      what: 'an earlier change to finish',
    },
  )
  return connections.probeIsExpensive ? probeAgain(settled, connections) : settled
}

/** `web-platform: auto` without App Runner. */
export function announceWeb({ web }: Pick<Stack, 'web'>, runner: Ports['runner']): void {
  if (web.platform === 'app-runner' || web.appRunnerUnseen === undefined) return
  runner.info(`The web is ECS service ${web.service.name}, because ${web.appRunnerUnseen}.`)
}

/** Refuses to start without the images, the operations and (with `network: task`) the databases. */
function requireObservations({ network }: StackConfig, stack: Stack): void {
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

/** The change in progress that makes the stack look broken; undefined if there is none. */
async function passing(stack: Stack, { cloud }: Connections): Promise<string | undefined> {
  for (const { service } of onEcs(stack)) {
    const note = await ecsRestores(service, cloud)
    if (note !== undefined) return note
  }
  const { web } = stack
  if (web.platform === 'app-runner' && web.operation?.status === 'ROLLBACK_IN_PROGRESS')
    return `App Runner operation ${web.operation.id} of the web is ROLLBACK_IN_PROGRESS`
  const { clickhouseStore: store } = stack
  if (!store.known && store.because === 'unreachable' && isArriving(stack)) {
    return `ClickHouse is being deployed and does not respond yet (${stack.clickhouse.service.runningCount} tasks running)`
  }
  if (store.known && stopsSoon(stack)) return 'ClickHouse is being deployed and is about to restart'
  if (!isDirty(stack)) return undefined
  const [task] = await migrationTasks(stack, cloud)
  if (task !== undefined) return `migration task ${task.id} of an earlier run is ${task.lastStatus}`
  return webIsStarting(stack) ? 'web is being deployed and runs its migrations at startup' : undefined
}

/** ClickHouse still responds, but would stop during the next observation. */
function stopsSoon({ clickhouse: { service } }: Stack): boolean {
  return ecsState(service).kind === 'rolling' && service.settings.maximumPercent <= 100
}

/** Its tasks are starting, or its name does not resolve to the running one. */
function isArriving({ clickhouse, discovery }: Stack): boolean {
  const { kind } = ecsState(clickhouse.service)
  if (kind !== 'settled') return kind === 'rolling'
  if (!discovery.known) return false
  const [instance] = discovery.value.instances
  // Without a health check Cloud Map reports UNKNOWN for a healthy instance.
  return (
    instance === undefined ||
    instance.health === 'UNHEALTHY' ||
    instance.address !== clickhouse.tasks[0]?.address
  )
}

function isDirty({ postgres, clickhouseStore }: Stack): boolean {
  const failed = postgres.known && postgres.value.migrations.some(migration => migration.state === 'failed')
  return failed || (clickhouseStore.known && clickhouseStore.value.dirty)
}

function webIsStarting({ web }: Stack): boolean {
  return web.platform === 'app-runner'
    ? web.operation !== undefined
    : ecsState(web.service).kind === 'rolling'
}
