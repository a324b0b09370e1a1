import type { Unseen } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, warning } from './check.ts'

export const cloudMap: Check = {
  id: 'cloud-map',
  title: "ClickHouse's name leads to the running task",
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['cloud-map', 'clickhouse'],
  run({ stack }) {
    if (!stack.discovery.known)
      return unseen(stack.discovery, 'web and worker must find ClickHouse in another way')
    const { name, instances } = stack.discovery.value
    const [instance] = instances
    const [task] = stack.clickhouse.tasks
    if (instance === undefined)
      return failed(
        `${name} leads nowhere: Cloud Map has no instance, so web and worker cannot find ClickHouse.`,
      )
    if (instances.length > 1) {
      const addresses = instances.map(item => item.address).join(', ')
      return failed(
        `${name} leads to ${instances.length} addresses (${addresses}), of which one task can answer: deregister the stale instances.`,
      )
    }
    if (task === undefined)
      return failed(`${name} leads to ${instance.address}, but no ClickHouse task runs.`)
    if (instance.address !== task.address) {
      return failed(
        `${name} leads to ${instance.address}, but the running task has ${task.address}: a stale instance, deregister it and force a new deployment.`,
      )
    }
    if (instance.health !== 'HEALTHY')
      return failed(`${name} leads to ${instance.address}, which Cloud Map calls ${instance.health}.`)
    return passed(`${name} leads to ${instance.address}, the running task.`)
  },
}

export const efs: Check = {
  id: 'efs-mount-targets',
  title: 'EFS can be mounted in every subnet of ClickHouse',
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['efs'],
  run({ stack }) {
    if (!stack.files.known) return unseen(stack.files, "ClickHouse's data goes with its task")
    const { id, state, mountTargets } = stack.files.value
    if (state !== 'available') return failed(`EFS file system ${id} is ${state}.`)
    const broken = mountTargets.find(target => target.state !== 'available')
    if (broken !== undefined)
      return failed(`Mount target ${broken.id} of ${id} in ${broken.zone} is ${broken.state}.`)
    if (mountTargets.length === 0) {
      return failed(
        `EFS file system ${id} has no mount target, so a task fails to start with the "botocore" message: create one in each subnet of ClickHouse.`,
      )
    }
    const without = stack.clickhouse.service.subnets.filter(
      subnet => !mountTargets.some(target => target.subnet === subnet),
    )
    if (without.length > 0) {
      return warning(
        `EFS file system ${id} has no mount target in subnet ${without.join(', ')}: a ClickHouse task that ECS puts there can only start when another mount target is in the same availability zone. Create one in each.`,
      )
    }
    return passed(
      `${id} is available with ${mountTargets.length} mount targets, one in each subnet of ClickHouse.`,
    )
  },
}

/** A part that the stack does not have is no missing evidence: it is said, and what follows from it. */
function unseen(part: { readonly reason: string; readonly because: Unseen }, then: string): Finding {
  return part.because === 'not-asked' ? warning(`${part.reason}: ${then}.`) : inconclusive(`${part.reason}.`)
}
