import type { Queue, Stack, ValkeyState } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import {
  failed,
  inconclusive,
  KIND,
  missing,
  moduleHint,
  passed,
  plural,
  skipped,
  unseen,
  warning,
} from './check.ts'

const MINUTE = 60_000
const STUCK_MS = 10 * MINUTE
const BEHIND_MS = 30 * MINUTE

/** https://github.com/langfuse/langfuse/issues/15509: the worker stops all queues but stays healthy. */
export const valkeyQueues = {
  ...KIND.storesSetUp,
  id: 'valkey-queues',
  title: 'The worker processes its queues',
  about: ['valkey', 'worker'],
  run({ stack }) {
    const seen = stack.probe.valkey
    if (!seen.known) return missing(seen)
    return seen.value.version === '' ? noServer(seen.source) : evaluateQueues(seen.value)
  },
} as const satisfies Check

/** Every Valkey and Redis reports its version. */
function noServer(source: string): Finding {
  return inconclusive(
    `The server at ${source} does not identify itself as Valkey or Redis: check which server runs there.`,
  )
}

function evaluateQueues({ queues, now, cluster }: ValkeyState): Finding {
  const ages = queues.map(queue => ({ ...queue, age: ageOf(queue, now) }))
  const stuck = ages.filter(queue => queue.waiting > 0 && queue.active === 0 && queue.age > STUCK_MS)
  if (stuck.length > 0)
    return failed(
      `No worker takes jobs from ${stuck.map(describe).join(', ')}: the worker has stopped consuming jobs, although ECS reports it as healthy. A Valkey failover or an evicted lock can cause this. Force a new deployment of the worker; waiting jobs are kept as long as Valkey evicts nothing.`,
    )
  const behind = ages.filter(queue => queue.waiting > 0 && queue.age > BEHIND_MS)
  if (behind.length > 0)
    return warning(
      `The worker is behind on ${behind.map(describe).join(', ')}: give it more tasks or CPU, and check its log for jobs that keep failing.`,
    )
  if (now === undefined && queues.some(({ waiting }) => waiting > 0))
    return inconclusive('Jobs are waiting, but Valkey does not report its time, so their age is unknown.')
  if (cluster)
    return skipped(
      'Valkey is a cluster: its queues are spread over all nodes, but this check reads only one.',
    )
  const [waiting, given] = [sum(queues, 'waiting'), sum(queues, 'failed')]
  return passed(
    `${plural(waiting, 'job is', 'jobs are')} waiting${given === 0 ? '' : `, ${plural(given, 'has', 'have')} failed for good`}.`,
  )
}

function ageOf({ oldest }: Queue, now: number | undefined): number {
  return oldest === undefined || now === undefined ? 0 : now - oldest
}

function describe({ name, waiting, age }: Queue & { readonly age: number }): string {
  return `${name} (${waiting} waiting, the oldest for ${Math.round(age / MINUTE)} min)`
}

function sum(queues: readonly Queue[], of: 'waiting' | 'failed'): number {
  return queues.reduce((total, queue) => total + queue[of], 0)
}

const SWITCH = 'REDIS_CLUSTER_ENABLED'

/** https://github.com/langfuse/langfuse/issues/5906; Langfuse knows clusters since 3.70.0. */
export const valkeyCluster = {
  ...KIND.storesSetUp,
  id: 'valkey-cluster',
  title: 'Web and worker use the cluster mode of Valkey',
  about: ['valkey', 'worker'],
  run({ stack }) {
    const seen = stack.probe.valkey
    if (!seen.known) return missing(seen)
    if (seen.value.version === '') return noServer(seen.source)
    const { environment, secrets } = stack.worker.container
    if (SWITCH in secrets) return skipped(`${SWITCH} is a secret, which this check does not read.`)
    const configured = environment[SWITCH] === 'true'
    const { cluster } = seen.value
    if (cluster && !configured)
      return failed(
        `Valkey at ${seen.source} runs in cluster mode, but ${SWITCH} is not \`true\` for the worker, so the queues fail with CROSSSLOT. Set it on web and worker (3.70.0 or newer), or use a Valkey without cluster mode.`,
      )
    if (!cluster && configured)
      return failed(
        `${SWITCH} is \`true\` for the worker, but Valkey at ${seen.source} is not a cluster, so the worker cannot use the queues. Remove that variable from web and worker.`,
      )
    return passed(cluster ? `Valkey is a cluster, and ${SWITCH} is \`true\`.` : 'Valkey is not a cluster.')
  },
} as const satisfies Check

export const valkey = {
  ...KIND.stores,
  id: 'valkey',
  title: 'Valkey does not lose queued jobs',
  about: ['valkey'],
  run({ stack }) {
    const seen = stack.probe.valkey
    return seen.known ? evaluateMemory(seen.value, seen.source, stack) : unseen(seen)
  },
} as const satisfies Check

/** https://langfuse.com/self-hosting/deployment/infrastructure/cache: an evicted key is a lost event. */
function evaluateMemory(
  { version, policy, used, maximum, evicted }: ValkeyState,
  address: string,
  stack: Stack,
): Finding {
  if (evicted > 0 && policy !== 'noeviction')
    return failed(
      `Valkey at ${address} has evicted ${evicted} keys (maxmemory-policy ${policy ?? 'unknown'}), so events were lost or a queue is stuck. Set maxmemory-policy to noeviction in its parameter group, and give it more memory.`,
    )
  const full = maximum === 0 ? 0 : used / maximum
  if (full > 0.9)
    return failed(
      `Valkey at ${address} uses ${Math.round(full * 100)} % of its memory: check why the worker does not empty the queues, or give Valkey more memory.`,
    )
  if (policy === undefined) return skipped(`Valkey at ${address} does not report its maxmemory-policy.`)
  if (policy !== 'noeviction')
    return warning(
      `Valkey at ${address} has maxmemory-policy ${policy}. When memory is full, it deletes queued jobs. Set \`noeviction\` in its parameter group.${moduleHint(stack, 'parameterGroup')}`,
    )
  return passed(`Valkey at ${address} answers (${version}, noeviction).`)
}
