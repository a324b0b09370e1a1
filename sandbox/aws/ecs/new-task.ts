import { arn } from '../ids.ts'
import { containersOf } from './container.ts'
import type { TaskParts, TaskSpec } from './tasks.ts'
import type { Task } from './types.ts'

/** A task as it is before anything has happened to it. */
export function newTask(parts: TaskParts, spec: TaskSpec): Task {
  const { ids } = parts
  const id = ids.hex(32)
  return {
    id,
    arn: arn('ecs', `task/${spec.cluster.name}/${id}`),
    cluster: spec.cluster,
    taskDefinition: spec.taskDefinition,
    input: spec.input,
    containers: containersOf(spec.taskDefinition).map(view => ({
      name: view.name,
      image: view.image,
      arn: arn('ecs', `container/${spec.cluster.name}/${id}/${ids.uuid()}`),
      runtimeId: `${id}-${ids.hex(10)}`,
      imageDigest: undefined,
      lastStatus: 'PENDING',
      exitCode: undefined,
      reason: undefined,
      health: 'UNKNOWN',
      running: undefined,
    })),
    address: parts.network.newAddress(spec.subnetId),
    subnetId: spec.subnetId,
    attachmentId: ids.uuid(),
    interfaceId: `eni-${ids.hex(17)}`,
    macAddress: `0a:${(ids.hex(10).match(/../g) ?? []).join(':')}`,
    createdAt: parts.clock.now(),
    service: spec.service,
    deployment: spec.deployment,
    tags: spec.tags,
    lastStatus: 'PROVISIONING',
    desiredStatus: 'RUNNING',
    target: spec.service?.express ? 'INITIAL' : undefined,
    counted: false,
    version: 1,
    stopCode: undefined,
    stoppedReason: undefined,
    times: {},
  }
}
