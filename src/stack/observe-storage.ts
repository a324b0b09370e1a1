import type { AccessPoint, Cloud, Container, EcsTask, EfsVolume, TaskDefinition } from '../ports/cloud.ts'
import { type Components, type EcsComponent, known, type Observed, tryObserve, unknown } from './stack.ts'

/** ClickHouse's volume and its access, beside the file system itself. */
export type Storage = {
  readonly volume: EfsVolume
  /** undefined in a known fact: the file system has no policy. */
  readonly policy: Observed<string | undefined>
  /** undefined in a known fact: the volume names none, or it does not exist. */
  readonly accessPoint: Observed<AccessPoint | undefined>
  /** The volume of the previous revision; undefined in a known fact: there is no previous one. */
  readonly before: Observed<Before | undefined>
}

type Before = { readonly revision: string; readonly volume: EfsVolume | undefined }

/** Tasks that stopped in the last hour, as long as ECS remembers them. */
export type Stopped = {
  readonly clickhouse: Observed<readonly EcsTask[]>
  readonly worker: Observed<readonly EcsTask[]>
}

/** The data directory of ClickHouse's image. */
export const DATA_PATH = '/var/lib/clickhouse'

/** EFS's state of a file system that no longer exists. */
export const GONE = 'deleted'

export async function observeStorage(stack: Components, cloud: Cloud): Promise<Observed<Storage>> {
  const { taskDefinition, container } = stack.clickhouse
  const volume = dataVolume(taskDefinition, container)
  if (volume === undefined)
    return unknown(`task definition ${taskDefinition.arn} has no EFS volume`, 'not-asked')
  const [policy, accessPoint, before] = await Promise.all([
    tryObserve('the file-system policy', 'elasticfilesystem:DescribeFileSystemPolicy', () =>
      cloud.efs.policy(volume.fileSystemId),
    ),
    tryObserve('the access point', 'elasticfilesystem:DescribeAccessPoints', async () =>
      volume.accessPointId === undefined ? undefined : cloud.efs.accessPoint(volume.accessPointId),
    ),
    observeBefore(stack.clickhouse, cloud),
  ])
  return known({ volume, policy, accessPoint, before }, taskDefinition.arn)
}

export async function observeStopped({ clickhouse, worker }: Components, cloud: Cloud): Promise<Stopped> {
  const stopped = ({ service }: EcsComponent) =>
    tryObserve(`the stopped tasks of ${service.name}`, 'ecs:ListTasks', () =>
      cloud.ecs.tasks(service.cluster, service.name, 'STOPPED'),
    )
  const [ofClickHouse, ofWorker] = await Promise.all([stopped(clickhouse), stopped(worker)])
  return { clickhouse: ofClickHouse, worker: ofWorker }
}

/** The volume that is mounted at ClickHouse's data directory, else the first. */
export function dataVolume({ volumes }: TaskDefinition, { mounts = [] }: Container): EfsVolume | undefined {
  const point = mounts.find(({ path }) => isDataPath(path))
  return volumes.find(({ name }) => name === point?.volume) ?? volumes[0]
}

function isDataPath(path: string): boolean {
  return path.replace(/\/+$/, '') === DATA_PATH
}

async function observeBefore(
  { taskDefinition, container }: EcsComponent,
  cloud: Cloud,
): Promise<Storage['before']> {
  const { arn, family, revision } = taskDefinition
  if (revision <= 1) return known(undefined, arn)
  const before = `${family}:${revision - 1}`
  return tryObserve(`task definition ${before}`, 'ecs:DescribeTaskDefinition', async () => {
    const found = await cloud.ecs.taskDefinition(before).catch(missing)
    if (found === undefined) return undefined
    const same = found.containers.find(({ name }) => name === container.name) ?? found.containers[0]
    return { revision: before, volume: same && dataVolume(found, same) }
  })
}

/** A deleted revision counts as none. */
function missing(error: unknown): undefined {
  if (error instanceof Error && error.name === 'ClientException') return undefined
  throw error
}

/** Whether ECS reports that a task did not start because of its EFS volume. */
export function isMountFailure(reason: string): boolean {
  return /EFS utils|mount\.nfs|efs\.[\w-]+\.amazonaws/i.test(reason)
}
