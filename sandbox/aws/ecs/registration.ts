import type { CloudMap, MapService } from '../cloudmap.ts'
import { reader, textMap } from '../json.ts'
import { zoneOf } from '../zones.ts'
import { containersOf } from './container.ts'
import type { Task } from './types.ts'

/** The Cloud Map service that a task's service names, if any. */
export function registryOf(cloudMap: CloudMap, task: Task): MapService | undefined {
  const [registry] = reader(task.deployment?.settings).objects('serviceRegistries')
  return registry && cloudMap.serviceByArn(String(registry.registryArn))
}

/** [KNOW] With a health check of its own a task begins unhealthy and is reported when the check passes. */
export function instanceAttributes(task: Task): Readonly<Record<string, string>> {
  const checked = containersOf(task.taskDefinition).some(view => view.healthCheck)
  return textMap({
    AVAILABILITY_ZONE: zoneOf(task.address).name,
    AWS_INIT_HEALTH_STATUS: checked ? 'UNHEALTHY' : 'HEALTHY',
    AWS_INSTANCE_IPV4: task.address,
    ECS_CLUSTER_NAME: task.cluster.name,
    ECS_SERVICE_NAME: task.service?.name,
    ECS_TASK_DEFINITION_FAMILY: task.taskDefinition.family,
    REGION: 'ap-northeast-1',
  })
}
