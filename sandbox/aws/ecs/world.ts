import { AwsError } from '../errors.ts'
import { arn } from '../ids.ts'
import { type JsonObject, reader } from '../json.ts'
import { PACE, type SchedulerParts, schedule } from './scheduler.ts'
import { tagsOf } from './tags.ts'
import { makeTaskDefinitions, type TaskDefinitions } from './task-definitions.ts'
import { makeTasks, type TaskParts, type Tasks } from './tasks.ts'
import type { Cluster, Service, TaskDefinition } from './types.ts'

/** All of ECS: clusters, task definitions, tasks, and the scheduler that looks at every service again and again. */
export function makeEcs(parts: Omit<TaskParts, 'changed'>): Ecs {
  const clusters = new Map<string, Cluster>()
  const definitions = makeTaskDefinitions(parts.clock.now)
  const tasks = makeTasks({ ...parts, changed: task => task.service && wake(task.service) })
  const scheduler: SchedulerParts = { clock: parts.clock, ids: parts.ids, tasks, pace: { ...PACE } }
  const awake = new Set<Service>()

  const wake = (service: Service) => {
    if (awake.has(service)) return
    awake.add(service)
    parts.clock.after(1, () => {
      awake.delete(service)
      schedule(service, scheduler)
    })
  }

  parts.clock.every(5, () => {
    for (const cluster of clusters.values())
      for (const service of cluster.services.values()) schedule(service, scheduler)
  })

  const createCluster = (input: JsonObject) => {
    const name = reader(input).text('clusterName') ?? 'default'
    const existing = clusters.get(name)
    if (existing) return existing
    const tags = tagsOf(reader(input).objects('tags'))
    const made = {
      arn: arn('ecs', `cluster/${name}`),
      name,
      input,
      services: new Map(),
      tasks: new Map(),
      tags,
    }
    clusters.set(name, made)
    return made
  }

  return {
    ...parts,
    clusters,
    definitions,
    families: definitions.families,
    tasks,
    scheduler,
    createCluster,
    wake,
  }
}

export type Ecs = Omit<TaskParts, 'changed'> & {
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly definitions: TaskDefinitions
  readonly families: TaskDefinitions['families']
  readonly tasks: Tasks
  readonly scheduler: SchedulerParts
  createCluster(input: JsonObject): Cluster
  /** Has the scheduler look at a service soon. */
  wake(service: Service): void
}

export function clusterNamed(ecs: Ecs, reference: string | undefined): Cluster {
  const cluster = ecs.clusters.get((reference ?? 'default').replace(/^arn:.*:cluster\//, ''))
  if (cluster) return cluster
  throw new AwsError('ClusterNotFoundException', 'Cluster not found.')
}

/** By name or ARN; an inactive service is found too. */
export function findService(cluster: Cluster, reference: string): Service | undefined {
  return cluster.services.get(reference.replace(/^arn:.*\//, ''))
}

export function serviceNamed(cluster: Cluster, reference: string): Service {
  const service = findService(cluster, reference)
  if (!service) throw new AwsError('ServiceNotFoundException', 'Service not found.')
  return service
}

/** The definition that a service or task is to run. */
export function runnableDefinition(ecs: Ecs, reference: string): TaskDefinition {
  const found = ecs.definitions.find(reference)
  if (!found) throw new AwsError('ClientException', 'TaskDefinition not found.')
  if (found.status === 'INACTIVE') throw new AwsError('ClientException', 'TaskDefinition is inactive')
  return found
}
