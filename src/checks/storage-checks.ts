import type { EfsVolume, FileSystem } from '../ports/cloud.ts'
import type { MountEndpoint, Network } from '../stack/observe-network.ts'
import { DATA_PATH, GONE, type Storage } from '../stack/observe-storage.ts'
import type { ClickHouseTable, Stack } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import {
  absent,
  capital,
  failed,
  inconclusive,
  KIND,
  missing,
  moduleHint,
  passed,
  skipped,
  warning,
} from './check.ts'
import { decide, type Mounting } from './efs-policy.ts'
import { evaluateReaches, onNetwork, reach, type Side, side } from './network-checks.ts'

export const efs = {
  ...KIND.rollout,
  id: 'efs-mount-targets',
  title: 'EFS can be mounted in every subnet of ClickHouse',
  about: ['efs'],
  run({ stack }) {
    if (!stack.files.known) return absent(stack.files, NO_EFS)
    const { id, state, mountTargets } = stack.files.value
    if (state === GONE)
      return failed(
        `EFS file system ${id} does not exist, so no ClickHouse task can start. Restore its newest recovery point into a new file system, and use that in the task definition.`,
      )
    if (state !== 'available')
      return failed(
        `EFS file system ${id} is in state ${state}, so ClickHouse tasks cannot mount it. If it does not become available, restore its newest recovery point into a new file system.`,
      )
    if (mountTargets.length === 0)
      return failed(
        `EFS file system ${id} has no mount target, so a task fails to start with the "botocore" message: create one in each subnet of ClickHouse.`,
      )
    const broken = mountTargets.find(target => target.state !== 'available')
    if (broken !== undefined)
      return failed(
        `Mount target ${broken.id} of ${id} in ${broken.zone} is ${broken.state}: ${broken.state === 'creating' ? 'wait until it is available' : 'delete it and create it again'}.`,
      )
    return evaluateSubnets(stack, stack.files.value)
  },
} as const satisfies Check

/** A mount target serves its whole zone; if the zones of the subnets are unknown, this compares subnets. */
function evaluateSubnets({ clickhouse, infrastructure }: Stack, { id, mountTargets }: FileSystem): Finding {
  const network = infrastructure.network.known ? infrastructure.network.value : undefined
  const subnets = network?.subnets.known ? network.subnets.value : undefined
  const wanted = clickhouse.service.subnets
  const without = wanted.filter(subnet => !mountTargets.some(target => target.subnet === subnet))
  const zones = new Set(mountTargets.map(target => target.zone))
  const bare = without.flatMap(subnet => {
    const zone = subnets?.find(found => found.id === subnet)?.zone
    return zone === undefined || zones.has(zone) ? [] : [`${subnet} (${zone})`]
  })
  if (bare.length > 0)
    return failed(
      `EFS file system ${id} has no mount target in the zone of subnet ${bare.join(', ')}. A ClickHouse task that ECS places there fails to start with the "botocore" message: create one in each zone.`,
    )
  const foreign = network && foreignTarget(network, mountTargets, wanted)
  if (foreign !== undefined) return failed(foreign)
  const evaluated = subnets !== undefined && without.every(id => subnets.some(found => found.id === id))
  if (without.length > 0 && !evaluated)
    return warning(
      `EFS file system ${id} has no mount target in subnet ${without.join(', ')}. A ClickHouse task that ECS places there starts only if its availability zone has another one. Create one in each zone.`,
    )
  return passed(
    `EFS file system ${id} has ${mountTargets.length} available mount targets, one in each ${without.length === 0 ? 'subnet' : 'zone'} of ClickHouse.`,
  )
}

function foreignTarget(
  { subnets }: Network,
  mountTargets: FileSystem['mountTargets'],
  wanted: readonly string[],
): string | undefined {
  const vpc = subnets.known ? subnets.value.find(({ id }) => wanted.includes(id))?.vpc : undefined
  const foreign = mountTargets.find(target => target.vpc !== undefined && target.vpc !== vpc)
  if (vpc === undefined || foreign === undefined) return undefined
  return `Mount target ${foreign.id} is in ${foreign.vpc}, but ClickHouse runs in ${vpc}, where its name does not resolve ("botocore"): create mount targets in ${vpc}.`
}

export const efsSecurity = {
  ...KIND.infrastructure,
  id: 'efs-security-groups',
  title: 'Security groups let ClickHouse reach EFS',
  about: ['efs', 'clickhouse'],
  run: onNetwork((network, { clickhouse, files }) => {
    const { endpoints } = network
    if (!endpoints.known) return files.known ? missing(endpoints) : absent(files, NO_EFS)
    if (endpoints.value.length === 0)
      return skipped('No mount target has a network interface, so there are no security groups to check.')
    const from = side('ClickHouse', clickhouse.service)
    const reaches = sidesOf(endpoints.value, files).map(to => reach(network, { from, to, port: NFS }))
    return evaluateReaches(
      reaches,
      `All ${endpoints.value.length} mount targets let ClickHouse in on port ${NFS}.`,
    )
  }),
} as const satisfies Check

const NFS = 2049

/** Groups mount targets with the same security groups, so that a defect is reported once. */
function sidesOf(endpoints: readonly MountEndpoint[], files: Stack['files']): readonly Side[] {
  const keyOf = ({ securityGroups }: MountEndpoint) => [...securityGroups].sort().join()
  return [...new Set(endpoints.map(keyOf))].map(key => {
    const alike = endpoints.filter(endpoint => keyOf(endpoint) === key)
    const [only] = alike.length === 1 ? alike : []
    const who =
      only === undefined
        ? `${alike.length} mount targets of ${files.known ? files.value.id : 'EFS'}`
        : `mount target ${only.mountTarget}`
    return { who, securityGroups: alike[0]?.securityGroups ?? [], subnets: undefined }
  })
}

export const efsPolicy = {
  ...KIND.infrastructure,
  id: 'efs-policy',
  title: 'The file-system policy lets ClickHouse mount and write',
  about: ['efs'],
  run: onStorage(({ volume, policy, accessPoint }, { clickhouse, files }) => {
    if (files.known && files.value.state === GONE)
      return skipped(`EFS file system ${volume.fileSystemId} does not exist.`)
    if (!policy.known) return missing(policy)
    if (policy.value === undefined)
      return passed(`EFS file system ${volume.fileSystemId} has no policy, so every client may mount it.`)
    const mounting: Mounting = {
      encrypted: volume.encrypted ?? false,
      role: volume.iam ? (clickhouse.taskDefinition.taskRole ?? '') : undefined,
      accessPoint: accessPoint.known ? accessPoint.value?.arn : undefined,
    }
    const decisions = ACTIONS.map(action => ({ action, ...decide(policy.value ?? '', action, mounting) }))
    const denied = decisions.find(({ state }) => state === 'denied')
    if (denied?.state === 'denied')
      return failed(
        `The policy of ${volume.fileSystemId} denies ${denied.action}: ${denied.because}. A ClickHouse task ${denied.action === ACTIONS[0] ? 'fails to start with "access denied by server"' : 'cannot write'}. ${capital(denied.fix)}.`,
      )
    const open = decisions.find(({ state }) => state === 'unknown')
    if (open === undefined)
      return passed(`The policy of ${volume.fileSystemId} allows ClientMount and ClientWrite to this volume.`)
    const rest = `Whether the policy of ${volume.fileSystemId} allows ${open.action} depends on policies that this check does not evaluate (the role's own policy, or other conditions)`
    return clickhouse.tasks.length > 0
      ? passed(`${rest}, but the running task has mounted it.`)
      : inconclusive(`${rest}, and no running ClickHouse task proves it.`)
  }),
} as const satisfies Check

const ACTIONS = ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'] as const

/** uid and gid of `clickhouse` in the image of clickhouse/clickhouse-server. */
export const CLICKHOUSE_USER = 101

export const efsAccessPoint = {
  ...KIND.infrastructure,
  id: 'efs-access-point',
  title: 'ClickHouse uses an access point of its own',
  about: ['efs', 'clickhouse'],
  run: onStorage((storage, stack) => {
    const { volume, accessPoint } = storage
    if (volume.accessPointId === undefined) return evaluateRoot(volume, stack)
    if (!accessPoint.known) return missing(accessPoint)
    const name = `Access point ${volume.accessPointId}`
    const then =
      'so ClickHouse tasks fail to start: use an access point of the file system in the task definition.'
    if (accessPoint.value === undefined) return failed(`${name} does not exist, ${then}`)
    const { fileSystem, state } = accessPoint.value
    if (fileSystem !== volume.fileSystemId)
      return failed(`${name} belongs to ${fileSystem} and not to ${volume.fileSystemId}, ${then}`)
    if (state !== 'available') return failed(`${name} is ${state}, ${then}`)
    if (!['', '/'].includes(volume.rootDirectory))
      return failed(
        `Volume ${volume.name} has both an access point and root directory ${volume.rootDirectory}, which ECS rejects: remove the root directory.`,
      )
    return evaluatePoint(name, accessPoint.value)
  }),
} as const satisfies Check

type Point = NonNullable<Extract<Storage['accessPoint'], { known: true }>['value']>

/** EFS creates the root directory once, with the creation info; later only its owner changes it. */
function evaluatePoint(name: string, { path, user, creation }: Point): Finding {
  const needed = `${CLICKHOUSE_USER}:${CLICKHOUSE_USER}`
  if (creation !== undefined && !mayWrite(user ?? OWN, creation))
    return failed(
      `${name} ${user === undefined ? '' : `acts as ${user.uid}:${user.gid} but `}creates ${path} with owner ${creation.uid}:${creation.gid} (${creation.permissions}), so ClickHouse cannot write there. Give it POSIX user and owner ${needed}, and change the owner of the directory if it exists already.`,
    )
  if (user !== undefined && user.uid !== CLICKHOUSE_USER)
    return warning(
      `${name} acts as ${user.uid}:${user.gid}, but ClickHouse runs as ${needed}. The server warns about the owner of its data, and cannot start as root. Give it POSIX user ${needed}.`,
    )
  return passed(`${name} points to ${path}${user === undefined ? '' : ` as ${user.uid}:${user.gid}`}.`)
}

const OWN = { uid: CLICKHOUSE_USER, gid: CLICKHOUSE_USER }

/** Permissions are octal text such as `0755`. */
function mayWrite(
  user: { readonly uid: number; readonly gid: number },
  owned: { readonly uid: number; readonly gid: number; readonly permissions: string },
): boolean {
  const mode = Number.parseInt(owned.permissions || '0', 8)
  if (user.uid === 0) return true
  if (user.uid === owned.uid) return (mode & 0o200) !== 0
  return (mode & (user.gid === owned.gid ? 0o020 : 0o002)) !== 0
}

function evaluateRoot(volume: EfsVolume, stack: Stack): Finding {
  const { name, rootDirectory, fileSystemId, encrypted } = volume
  if (!['', '/'].includes(rootDirectory)) {
    if (stack.clickhouse.tasks.length > 0)
      return warning(
        `Volume ${name} mounts ${rootDirectory} of ${fileSystemId} without an access point. If that directory is deleted, tasks fail to start with "No such file or directory". Use an access point, which creates its directory with the right owner.`,
      )
    return failed(
      `Volume ${name} mounts ${rootDirectory} of ${fileSystemId} without an access point, and no ClickHouse task runs. ECS does not create that directory; if it is missing, tasks fail to start with "No such file or directory". Use an access point with that path, which creates it.`,
    )
  }
  const plain = encrypted ? [] : (['transitEncryption'] as const)
  const text = encrypted ? '' : ', and its files cross the network in plain text'
  return warning(
    `Volume ${name} mounts the root of ${fileSystemId}, which belongs to root and is open to every client. A ClickHouse that does not start as root cannot write there${text}. Use an access point with POSIX user ${CLICKHOUSE_USER}:${CLICKHOUSE_USER} and path /, where the data is: any other path starts an empty ClickHouse.${moduleHint(stack, 'accessPoint', ...plain)}`,
  )
}

export const efsVolume = {
  ...KIND.infrastructure,
  id: 'efs-volume',
  title: "ClickHouse's data is on the same volume as before",
  about: ['efs', 'clickhouse'],
  run: onStorage(({ volume, before }, { clickhouse, probe }) => {
    const { mounts = [] } = clickhouse.container
    const paths = mounts.filter(mount => mount.volume === volume.name).map(mount => mount.path)
    if (mounts.length > 0 && !paths.some(path => `${DATA_PATH}/`.startsWith(`${path.replace(/\/+$/, '')}/`)))
      return failed(
        `${clickhouse.taskDefinition.arn} mounts ${volume.fileSystemId} at ${paths.join(', ') || 'no path'}, but ClickHouse stores its data in ${DATA_PATH} and loses it with the task: mount the volume there.`,
      )
    if (!before.known) return missing(before)
    if (before.value === undefined)
      return passed(`ClickHouse's data is on ${whereIs(volume)}, as in every revision.`)
    const { revision, volume: earlier } = before.value
    const now = whereIs(volume)
    if (earlier === undefined)
      return warning(
        `The previous revision ${revision} had no EFS volume, so ClickHouse started empty on ${now}: make sure that its data was copied.`,
      )
    if (now === whereIs(earlier)) return passed(`ClickHouse's data is on ${now}, as in ${revision}.`)
    const changed = volumeChange(volume, earlier, revision)
    const empty = probe.tables.known && !probe.tables.value.some(holdsData)
    const fix =
      'go back to the earlier volume, or copy the data and re-run the background migrations (`rerun-background-migrations`)'
    return empty
      ? failed(`${changed} ClickHouse answers /ping but has no data. ${capital(fix)}.`)
      : warning(
          `${changed} A new volume starts empty and still answers /ping. If the change was not intended, ${fix}.`,
        )
  }),
} as const satisfies Check

/** ClickHouse writes its system logs from the first minute. */
const holdsData = ({ database, rows }: ClickHouseTable) => database !== 'system' && rows > 0

/** Names only what differs. */
function volumeChange(now: EfsVolume, earlier: EfsVolume, revision: string): string {
  if (now.fileSystemId !== earlier.fileSystemId)
    return `ClickHouse now uses ${whereIs(now)}. Revision ${revision} used ${whereIs(earlier)}.`
  const part = ({ accessPointId, rootDirectory }: EfsVolume) =>
    accessPointId ?? `root directory ${rootDirectory || '/'}`
  const kind = now.accessPointId === undefined ? '' : 'access point '
  return `ClickHouse now uses ${kind}${part(now)} of ${now.fileSystemId}. Revision ${revision} used ${part(earlier)}.`
}

function whereIs({ fileSystemId, rootDirectory, accessPointId }: EfsVolume): string {
  return accessPointId === undefined
    ? `${fileSystemId}:${rootDirectory || '/'}`
    : `${fileSystemId} through ${accessPointId}`
}

export const STORAGE_CHECKS = [efsSecurity, efsPolicy, efsAccessPoint, efsVolume] as const

function onStorage(evaluate: (storage: Storage, stack: Stack) => Finding): Check['run'] {
  return ({ stack }: Subject) => {
    const { storage } = stack.infrastructure
    return storage.known ? evaluate(storage.value, stack) : missing(storage)
  }
}

const NO_EFS = 'ClickHouse loses its data with its task: add an EFS volume'
