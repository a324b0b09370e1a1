import type { Stack, ValkeyState } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'
import { moduleHint } from './module-hint.ts'
import { unseen } from './store-checks.ts'

export const clickhouseName = {
  id: 'clickhouse-name',
  title: "ClickHouse's name resolves inside the VPC",
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['cloud-map', 'clickhouse'],
  run({ stack }) {
    const { name } = stack.probe
    if (!name.known) return unseen(name)
    const { addresses } = name.value
    const running = stack.clickhouse.tasks.flatMap(task => task.address ?? [])
    const stale = addresses.filter(address => !running.includes(address))
    // A name that is not Cloud Map's (a load balancer, a tunnel) resolves elsewhere; `/ping` shows whether it works.
    const ours = stack.discovery.known && stack.discovery.value.name === name.value.name
    if (addresses.length === 0)
      return failed(
        `${name.value.name} does not resolve inside the VPC: check Cloud Map and the DNS settings of the VPC.`,
      )
    if (ours && stale.length > 0) {
      return failed(
        `Inside the VPC ${name.value.name} resolves to ${stale.join(', ')}, where no ClickHouse task runs (running: ${running.join(', ') || 'none'}). Deregister the stale instance in Cloud Map; DNS drops it after its TTL.`,
      )
    }
    return passed(`${name.value.name} resolves to ${addresses.join(', ')}.`)
  },
} as const satisfies Check

const GIB = 1024 ** 3

export const clickhouseDisk = {
  id: 'clickhouse-disk',
  title: 'ClickHouse has free disk space',
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { disks } = stack.probe
    if (!disks.known) return unseen(disks)
    const [tightest] = [...disks.value].sort((left, right) => left.free - right.free)
    if (tightest === undefined) return skipped('ClickHouse lists no disks.')
    const free = `disk ${tightest.name} has ${(tightest.free / GIB).toFixed(1)} GiB free`
    if (tightest.free < GIB)
      return failed(`ClickHouse's ${free} and stops accepting writes when it is full: free space now.`)
    if (tightest.free < 5 * GIB)
      return warning(
        `ClickHouse's ${free}: free space, because merges need several times the size of their result.`,
      )
    return passed(`ClickHouse's ${free}.`)
  },
} as const satisfies Check

export const valkey = {
  id: 'valkey',
  title: 'Valkey does not lose queued jobs',
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['valkey'],
  run({ stack }) {
    const seen = stack.probe.valkey
    return seen.known ? evaluate(seen.value, seen.source, stack) : unseen(seen)
  },
} as const satisfies Check

/** https://langfuse.com/self-hosting/deployment/infrastructure/cache: an evicted key is a lost event. */
function evaluate(
  { version, policy, used, maximum, evicted }: ValkeyState,
  address: string,
  stack: Stack,
): Finding {
  if (evicted > 0 && policy !== 'noeviction') {
    return failed(
      `Valkey at ${address} has evicted ${evicted} keys (maxmemory-policy ${policy ?? 'unknown'}), so events were lost or a queue is stuck. Set maxmemory-policy to noeviction in its parameter group, and give it more memory.`,
    )
  }
  const full = maximum === 0 ? 0 : used / maximum
  if (full > 0.9) {
    return failed(
      `Valkey at ${address} uses ${Math.round(full * 100)} % of its memory: check why the worker does not empty the queues, or give Valkey more memory.`,
    )
  }
  if (policy === undefined) return skipped(`Valkey at ${address} does not report its maxmemory-policy.`)
  if (policy !== 'noeviction') {
    return warning(
      `Valkey at ${address} has maxmemory-policy ${policy}, so it drops queued jobs and locks when its memory is full: set noeviction in its parameter group.${moduleHint(stack, 'parameterGroup')}`,
    )
  }
  return passed(`Valkey at ${address} answers (${version}, noeviction).`)
}

export const workerHealth = {
  id: 'worker-health',
  title: 'The worker reports that it is healthy',
  group: 'inside',
  needs: ['inside'],
  settles: true,
  about: ['worker'],
  run({ stack }) {
    const { workers } = stack.probe
    if (!workers.known) return unseen(workers)
    const ill = workers.value.find(({ status }) => status !== undefined && status !== 200)
    if (ill !== undefined)
      return failed(
        `Worker task ${ill.task} answers ${ill.status} on /api/health: it cannot reach PostgreSQL or Valkey. Its log says which.`,
      )
    const strange = workers.value.find(({ status, problem }) => status === 200 && problem !== undefined)
    if (strange !== undefined)
      return inconclusive(`${strange.url} ${strange.problem}: check what listens there.`)
    const silent = workers.value.find(({ status }) => status === undefined)
    if (silent === undefined)
      return passed(`${workers.value.length} of ${workers.value.length} worker tasks answer 200.`)
    // Langfuse never calls the worker, so its security group rarely allows this port.
    return skipped(
      `The health endpoint of worker task ${silent.task} is not reachable (${silent.problem}). To check it, allow port 3030 in its security group and set HOSTNAME to 0.0.0.0.`,
    )
  },
} as const satisfies Check
