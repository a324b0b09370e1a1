import type { Queue, ValkeyState } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'
import { unseen } from './store-checks.ts'

const MINUTE = 60_000
const STUCK_MS = 10 * MINUTE
const BEHIND_MS = 30 * MINUTE

/** https://github.com/langfuse/langfuse/issues/15509: the worker stops all queues, and ECS calls it healthy. */
export const valkeyQueues = {
  id: 'valkey-queues',
  title: 'The worker empties the queues',
  group: 'inside',
  needs: ['inside'],
  settles: false,
  about: ['valkey', 'worker'],
  run({ stack }) {
    const seen = stack.probe.valkey
    if (!seen.known)
      return unseen({ ...seen, because: seen.because === 'unreachable' ? 'no-evidence' : seen.because })
    return seen.value.version === '' ? noServer(seen.source) : evaluate(seen.value)
  },
} as const satisfies Check

/** Whatever answers there, a Valkey says what version it is. */
function noServer(source: string): Finding {
  return inconclusive(`What answers at ${source} does not say that it is Valkey or Redis.`)
}

function evaluate({ queues, now, cluster }: ValkeyState): Finding {
  const ages = queues.map(queue => ({ ...queue, age: ageOf(queue, now) }))
  const stuck = ages.filter(queue => queue.waiting > 0 && queue.active === 0 && queue.age > STUCK_MS)
  if (stuck.length > 0) {
    return failed(
      `Nobody takes jobs from ${stuck.map(describe).join(', ')}: the worker has stopped to consume while ECS calls it healthy (a failover or an evicted lock of Valkey does that). Force a new deployment of the worker; what waits is not lost as long as Valkey evicts nothing.`,
    )
  }
  const behind = ages.filter(queue => queue.waiting > 0 && queue.age > BEHIND_MS)
  if (behind.length > 0) {
    return warning(
      `The worker is behind with ${behind.map(describe).join(', ')}: give it more tasks or CPU, and look in its log for jobs that fail again and again.`,
    )
  }
  if (now === undefined && queues.some(({ waiting }) => waiting > 0))
    return inconclusive('Jobs wait, and Valkey does not say what time it is, so nobody knows for how long.')
  if (cluster) return skipped('Of a Valkey cluster one node is asked, and its queues are on all of them.')
  const [waiting, given] = [sum(queues, 'waiting'), sum(queues, 'failed')]
  return passed(`${waiting} jobs wait${given === 0 ? '' : `, ${given} were given up`}.`)
}

function ageOf({ oldest }: Queue, now: number | undefined): number {
  return oldest === undefined || now === undefined ? 0 : now - oldest
}

function describe({ name, waiting, age }: Queue & { readonly age: number }): string {
  return `${name} (${waiting} wait, the oldest for ${Math.round(age / MINUTE)} min)`
}

function sum(queues: readonly Queue[], of: 'waiting' | 'failed'): number {
  return queues.reduce((total, queue) => total + queue[of], 0)
}

const SWITCH = 'REDIS_CLUSTER_ENABLED'

/** https://github.com/langfuse/langfuse/issues/5906; Langfuse knows clusters since 3.70.0. */
export const valkeyCluster = {
  id: 'valkey-cluster',
  title: 'Web and worker know whether Valkey is a cluster',
  group: 'inside',
  needs: ['inside'],
  settles: false,
  about: ['valkey', 'worker'],
  run({ stack }) {
    const seen = stack.probe.valkey
    if (!seen.known)
      return unseen({ ...seen, because: seen.because === 'unreachable' ? 'no-evidence' : seen.because })
    if (seen.value.version === '') return noServer(seen.source)
    const { environment, secrets } = stack.worker.container
    if (SWITCH in secrets) return skipped(`${SWITCH} is a secret, which is not read.`)
    const configured = environment[SWITCH] === 'true'
    const { cluster } = seen.value
    if (cluster && !configured) {
      return failed(
        `Valkey at ${seen.source} runs in cluster mode, and ${SWITCH} is not \`true\` for the worker, so the queues fail with CROSSSLOT: set it on web and worker (from 3.70.0 on), or take a Valkey without cluster mode.`,
      )
    }
    if (!cluster && configured) {
      return failed(
        `${SWITCH} is \`true\` for the worker, but Valkey at ${seen.source} is no cluster, so no queue is reached: remove that variable from web and worker.`,
      )
    }
    return passed(cluster ? 'It is a cluster, and the worker is told so.' : 'It is no cluster.')
  },
} as const satisfies Check
