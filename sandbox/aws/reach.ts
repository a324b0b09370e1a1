import type { AppRunner } from './apprunner/world.ts'
import type { Ec2, Path } from './ec2.ts'
import type { Ecs } from './ecs/world.ts'
import { reader } from './json.ts'

/** Security groups decide who reaches whom: `source` as the processes say it, `address` somebody's in the VPC. */
export function makeReach(parts: { readonly ec2: Ec2; readonly ecs: Ecs; readonly appRunner: AppRunner }) {
  return ({ source, address, port }: { source: string; address: string; port: number }): boolean => {
    const from = placementOf(source, parts)
    const to = ownerOf(address, parts)
    return from === undefined || to === undefined || parts.ec2.allows({ from, to, port })
  }
}

type Parts = Parameters<typeof makeReach>[0]

/** A runner or a person of the sandbox is no part of the VPC's network, and reaches everything. */
function placementOf(source: string, parts: Parts): Path['from'] | undefined {
  const [kind, name = ''] = source.split('/')
  if (kind === 'task') {
    const task = tasksOf(parts.ecs).find(({ id }) => id === name)
    return task && { groups: task.input.securityGroups, address: task.address }
  }
  if (kind !== 'apprunner') return undefined
  const service = [...parts.appRunner.services.values()].find(one => one.name === name)
  const network = reader(service?.configuration).object('NetworkConfiguration')
  const arn = reader(reader(network).object('EgressConfiguration')).text('VpcConnectorArn') ?? ''
  const connector = parts.appRunner.connectors.get(arn)
  const [subnet = ''] = connector?.subnets ?? []
  const address = parts.ec2.subnets.get(subnet)?.cidr.split('/')[0] ?? '10.0.11.0'
  return connector && { groups: connector.securityGroups, address }
}

export function addressOfTask(source: string, ecs: Ecs): string | undefined {
  return tasksOf(ecs).find(({ id }) => source === `task/${id}`)?.address
}

function ownerOf(address: string, { ec2, ecs }: Parts): Path['to'] | undefined {
  const task = tasksOf(ecs).find(one => one.address === address)
  const groups =
    task?.input.securityGroups ?? ec2.interfaces.find(one => one.address === address)?.securityGroups
  return groups && { groups, address }
}

const tasksOf = ({ clusters }: Ecs) => [...clusters.values()].flatMap(({ tasks }) => [...tasks.values()])
