import { migrationTasks } from '../execute/migrate.ts'
import { waitFor } from '../execute/wait.ts'
import type { StackConfig } from '../inputs/config.ts'
import { ecsState } from '../plan/image-steps.ts'
import { observe, quickSources } from '../stack/observe.ts'
import type { Stack } from '../stack/stack.ts'
import { type Connections, type Ports, requireObservations } from './ports.ts'

/** ClickHouse is stopped before it is started, and a migration has its databases dirty as long as it runs. */
const SETTLE_MS = 5 * 60_000

/**
 * The picture that a plan is made from. What an earlier run was killed in the middle of looks broken while it goes
 * on by itself: it is waited for, and only what is still so afterwards is a problem.
 */
export async function observeReady(
  config: StackConfig,
  connections: Connections,
  { ports, deadline }: { readonly ports: Ports; readonly deadline: number },
): Promise<Stack> {
  const { clock, signal, runner } = ports
  const first = await observe(config, connections)
  requireObservations(config, first)
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
      // What has ended meanwhile may have been seen before its end: one look more.
      const over = note === undefined && (before === undefined || !isDirty(stack))
      return over || clock.now() >= until
        ? { state: 'settled', value: stack }
        : { state: 'waiting', note: note ?? 'looking once more' }
    },
    { clock, signal, deadline, say: line => runner.info(line), what: 'what an earlier run began' },
  )
  return connections.probeIsExpensive ? observe(config, connections) : settled
}

/** What goes on and makes the stack look broken; undefined: it is as it is. */
async function passing(stack: Stack, { cloud }: Connections): Promise<string | undefined> {
  const { clickhouseStore: store } = stack
  if (!store.known && store.because === 'unreachable' && isArriving(stack)) {
    return `ClickHouse is being deployed and does not answer yet (${stack.clickhouse.service.runningCount} tasks running)`
  }
  if (store.known && stopsSoon(stack)) return 'ClickHouse is being deployed and stops before it starts again'
  if (!isDirty(stack)) return undefined
  const [task] = await migrationTasks(stack, cloud)
  if (task !== undefined) return `migration task ${task.id} of an earlier run is ${task.lastStatus}`
  return webIsStarting(stack) ? 'a web that migrates when it starts is being deployed' : undefined
}

/** It answers still, and would not any more in the middle of the next look. */
function stopsSoon({ clickhouse: { service } }: Stack): boolean {
  return ecsState(service).kind === 'rolling' && service.settings.maximumPercent <= 100
}

/** Its tasks are on their way, or its name does not lead to the one that runs. */
function isArriving({ clickhouse, discovery }: Stack): boolean {
  if (ecsState(clickhouse.service).kind === 'rolling') return true
  if (!discovery.known) return false
  const [instance] = discovery.value.instances
  // Without a health check Cloud Map says UNKNOWN of what is well.
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
