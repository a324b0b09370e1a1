import type { Cloud, FileSystem, NetworkPlacement, SecurityGroup, Subnet, VpcDns } from '../ports/cloud.ts'
import { databaseTitle, findDatabase } from './observe-backups.ts'
import type { Inside } from './probe-inside.ts'
import type { Components, EcsComponent, Observed } from './stack.ts'
import { known, tryObserve, unknown } from './stack.ts'

/** The parts of the VPC that the components use. Each is observed by itself: IAM may deny a single call. */
export type Network = {
  readonly subnets: Observed<readonly Subnet[]>
  readonly groups: Observed<readonly SecurityGroup[]>
  readonly dns: Observed<VpcDns & { readonly vpc: string }>
  readonly endpoints: Observed<readonly MountEndpoint[]>
  /** The network of the web's outgoing connections. */
  readonly web: Observed<NetworkPlacement>
  readonly postgres: Observed<Store>
  readonly valkey: Observed<Store>
}

export type MountEndpoint = { readonly mountTarget: string; readonly securityGroups: readonly string[] }

export type Store = {
  readonly name: string
  readonly securityGroups: readonly string[]
  readonly port: number | undefined
}

/** Observations that run in parallel. None of them rejects. */
export type Beside = {
  readonly files: Promise<Observed<FileSystem>>
  readonly inside: Promise<Inside>
}

/**
 * Observes all parts in parallel. Only the stores, whose hosts may be secrets, and the security groups wait for the probe
 * inside the VPC, which may take a task. Never throws.
 */
export async function observeNetwork(
  stack: Components,
  cloud: Cloud,
  { files, inside }: Beside,
): Promise<Network> {
  const web = observeWebPlacement(stack, cloud)
  const allPlacements = web.then(found => [
    stack.clickhouse.service,
    stack.worker.service,
    ...(found.known ? [found.value] : []),
  ])
  const subnets = allPlacements.then(placements => observeSubnets(placements, cloud))
  const dns = subnets.then(seen => observeDns(stack, seen, cloud))
  const [placements, endpoints, postgres, valkey] = await Promise.all([
    allPlacements,
    files.then(seen => observeEndpoints(seen, cloud)),
    observePostgres(stack, inside, cloud),
    observeValkey(stack.worker, inside, cloud),
  ])
  const groupIds = unique([
    ...placements.flatMap(placement => placement.securityGroups),
    ...(endpoints.known ? endpoints.value.flatMap(endpoint => endpoint.securityGroups) : []),
    ...[postgres, valkey].flatMap(store => (store.known ? store.value.securityGroups : [])),
  ])
  const groups = await tryObserve('the security groups', 'ec2:DescribeSecurityGroups', async () =>
    groupIds.length === 0 ? [] : cloud.ec2.securityGroups(groupIds),
  )
  return { subnets: await subnets, groups, dns: await dns, endpoints, web: await web, postgres, valkey }
}

function observeSubnets(placements: readonly NetworkPlacement[], cloud: Cloud): Promise<Network['subnets']> {
  const ids = unique(placements.flatMap(placement => placement.subnets))
  return tryObserve('the subnets', 'ec2:DescribeSubnets', async () =>
    ids.length === 0 ? [] : cloud.ec2.subnets(ids),
  )
}

function unique(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)].filter(id => id !== '').sort()
}

/** The network interfaces of the mount targets name the groups: one call for all. */
async function observeEndpoints(
  files: Observed<FileSystem>,
  cloud: Cloud,
): Promise<Observed<readonly MountEndpoint[]>> {
  if (!files.known) return files
  const targets = files.value.mountTargets
  const ids = unique(targets.flatMap(target => target.networkInterface ?? []))
  if (ids.length === 0) return known([], 'elasticfilesystem:DescribeMountTargets')
  return tryObserve(
    'the network interfaces of the mount targets',
    'ec2:DescribeNetworkInterfaces',
    async () => {
      const found = await cloud.ec2.interfaces(ids)
      return targets.flatMap(({ id, networkInterface }) =>
        found
          .filter(one => one.id === networkInterface)
          .map(({ securityGroups }) => ({ mountTarget: id, securityGroups })),
      )
    },
  )
}

async function observeWebPlacement({ web }: Components, cloud: Cloud): Promise<Observed<NetworkPlacement>> {
  if (web.platform !== 'app-runner') return known(web.service, `ECS service ${web.service.name}`)
  const arn = web.service.vpcConnector
  if (arn === undefined)
    return unknown(`App Runner service ${web.service.name} has no VPC connector`, 'unreachable')
  const connector = await tryObserve(`VPC connector ${arn}`, 'apprunner:DescribeVpcConnector', () =>
    cloud.appRunner.vpcConnector(arn),
  )
  if (!connector.known) return connector
  return connector.value === undefined
    ? unknown(`VPC connector ${arn} of App Runner service ${web.service.name} does not exist`, 'unreachable')
    : known(connector.value, arn)
}

async function observePostgres(
  stack: Components,
  inside: Promise<Inside>,
  cloud: Cloud,
): Promise<Observed<Store>> {
  const { probe } = await inside
  const found = await findDatabase(stack, probe.identity, cloud)
  if (!found.known) return found
  const { securityGroups = [], port } = found.value
  return known({ name: databaseTitle(found.value), securityGroups, port }, found.source)
}

function hostIn(address: string): string {
  return address.replace(/[:/].*$/, '').toLowerCase()
}

async function observeValkey(
  worker: EcsComponent,
  inside: Promise<Inside>,
  cloud: Cloud,
): Promise<Observed<Store>> {
  const host = valkeyHost(worker) ?? seenHost(await inside)
  if (host === undefined)
    return unknown(
      "the worker's task definition does not contain Valkey's host as a plain value",
      'not-asked',
    )
  const cluster = elastiCacheId(host)
  if (cluster === undefined)
    return unknown(
      `${host} is not a node-based ElastiCache, so its security groups cannot be found`,
      'not-asked',
    )
  // Its network interfaces carry its name, so ElastiCache's own API is not needed.
  const found = await tryObserve(
    'the network interfaces of ElastiCache',
    'ec2:DescribeNetworkInterfaces',
    async () => {
      const interfaces = await cloud.ec2.interfacesDescribed(`ElastiCache ${cluster}*`)
      return interfaces.filter(({ description }) => isOf(description, cluster))
    },
  )
  if (!found.known) return found
  return found.value.length === 0
    ? unknown(`ElastiCache ${cluster} has no visible network interface`, 'not-asked')
    : known(
        {
          name: `ElastiCache ${cluster}`,
          securityGroups: unique(found.value.flatMap(one => one.securityGroups)),
          port: undefined,
        },
        found.source,
      )
}

function valkeyHost({ container }: EcsComponent): string | undefined {
  const { REDIS_HOST: host, REDIS_CONNECTION_STRING: url } = container.environment
  if (host) return host.toLowerCase()
  if (url && URL.canParse(url)) return new URL(url).hostname.toLowerCase()
  return undefined
}

function seenHost({ probe: { valkey } }: Inside): string | undefined {
  return valkey.known ? hostIn(valkey.source) : undefined
}

/** `master.NAME.…`, `clustercfg.NAME.…`, `NAME.….ng.0001.…` or a node's own name, below cache.amazonaws.com. */
function elastiCacheId(host: string): string | undefined {
  if (!/\.cache\.amazonaws\.com(\.cn)?$/.test(host) || host.includes('.serverless.')) return undefined
  const [first = '', second] = host.split('.')
  return /^(master|replica|clustercfg)$/.test(first) ? second : first
}

function isOf(description: string, cluster: string): boolean {
  const name = description.replace(/^ElastiCache /, '')
  return name === cluster || /^[-+ ]/.test(name.slice(cluster.length))
}

async function observeDns(
  { clickhouse }: Components,
  subnets: Network['subnets'],
  cloud: Cloud,
): Promise<Network['dns']> {
  if (!subnets.known) return subnets
  const own = subnets.value.find(subnet => clickhouse.service.subnets.includes(subnet.id))
  if (own === undefined) return unknown('the subnets of ClickHouse do not exist', 'unreachable')
  return tryObserve(`DNS of ${own.vpc}`, 'ec2:DescribeVpcAttribute', async () => ({
    // A running ClickHouse proves that they resolve its file system.
    ...(await cloud.ec2.dns(own.vpc, { servers: clickhouse.tasks.length === 0 })),
    vpc: own.vpc,
  }))
}
