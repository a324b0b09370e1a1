import { AwsError } from '../errors.ts'
import { type JsonObject, type Reader, reader } from '../json.ts'
import { page } from '../paging.ts'
import type { Operations } from '../server.ts'
import { revisionAnswer, serviceDeploymentAnswer, serviceDeploymentBrief } from './answers.ts'
import { finish } from './deployments.ts'
import { rollBack } from './scheduler.ts'
import type { Service, ServiceDeployment } from './types.ts'
import { clusterNamed, type Ecs, serviceNamed } from './world.ts'

export function serviceDeploymentOperations(ecs: Ecs): Operations {
  const ask = (handle: (ecs: Ecs, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(ecs, reader(input))
  return {
    ListServiceDeployments: ask(list),
    DescribeServiceDeployments: ask(describe),
    DescribeServiceRevisions: ask(describeRevisions),
    StopServiceDeployment: ask(stop),
  }
}

function list(ecs: Ecs, read: Reader): JsonObject {
  const reference = read.needText('service')
  const [, fromArn] = /:service\/([^/]+)\//.exec(reference) ?? []
  const service = serviceNamed(clusterNamed(ecs, read.text('cluster') ?? fromArn), reference)
  const statuses = read.texts('status')
  const created = reader(read.object('createdAt'))
  const after = (created.number('after') ?? 0) * 1000
  const before = (created.number('before') ?? Number.POSITIVE_INFINITY) * 1000
  const records = service.serviceDeployments.filter(
    ({ status, createdAt }) =>
      (statuses.length === 0 || statuses.includes(status)) &&
      createdAt.getTime() > after &&
      createdAt.getTime() < before,
  )
  const { items, next } = page(records, {
    token: read.text('nextToken'),
    size: read.number('maxResults'),
    limit: 100,
    invalid: 'InvalidParameterException',
  })
  return { serviceDeployments: items.map(record => serviceDeploymentBrief(service, record)), nextToken: next }
}

function describe(ecs: Ecs, read: Reader): JsonObject {
  const arns = read.texts('serviceDeploymentArns')
  if (arns.length === 0 || arns.length > 20) refuse('serviceDeploymentArns must have 1 to 20 items.')
  const found = arns.map(arn => ({ arn, at: findRecord(ecs, arn) }))
  return {
    serviceDeployments: found.flatMap(({ at }) =>
      at ? [serviceDeploymentAnswer(at.service, at.record)] : [],
    ),
    failures: found.filter(({ at }) => !at).map(({ arn }) => ({ arn, reason: 'MISSING' })),
  }
}

function describeRevisions(ecs: Ecs, read: Reader): JsonObject {
  const arns = read.texts('serviceRevisionArns')
  if (arns.length === 0 || arns.length > 20) refuse('serviceRevisionArns must have 1 to 20 items.')
  const answers = arns.map(arn => ({ arn, revision: findRevision(ecs, arn) }))
  return {
    serviceRevisions: answers.flatMap(({ revision }) => revision ?? []),
    failures: answers.filter(({ revision }) => !revision).map(({ arn }) => ({ arn, reason: 'MISSING' })),
  }
}

/** ROLLBACK (the default) goes back to the last completed deployment; ABORT leaves things as they are. */
function stop(ecs: Ecs, read: Reader): JsonObject {
  const arn = read.needText('serviceDeploymentArn')
  const found = findRecord(ecs, arn)
  if (!found) throw new AwsError('ServiceDeploymentNotFoundException', 'Service deployment not found.')
  const { service, record } = found
  if (record.finishedAt !== undefined || !['PENDING', 'IN_PROGRESS'].includes(record.status))
    throw new AwsError(
      'ConflictException',
      `Service deployment is in ${record.status} state and can not be stopped.`,
    )
  const rollback = read.text('stopType') !== 'ABORT' && service.lastCompleted !== undefined
  record.status = rollback ? 'ROLLBACK_REQUESTED' : 'STOP_REQUESTED'
  record.updatedAt = ecs.clock.now()
  ecs.clock.after(STOP_SECONDS, () => carryOutStop(ecs, service, { record, rollback }))
  return { serviceDeploymentArn: arn }
}

/** [KNOW] A request to stop is carried out a moment later; virtual seconds. */
const STOP_SECONDS = 3

function carryOutStop(ecs: Ecs, service: Service, asked: { record: ServiceDeployment; rollback: boolean }) {
  const { record } = asked
  if (record.finishedAt !== undefined) return
  record.deployment.rolloutState = 'FAILED'
  record.deployment.rolloutStateReason = 'Service deployment was stopped by a user.'
  if (asked.rollback && service.lastCompleted) {
    const reason = 'Service deployment rolled back by a user request.'
    rollBack(service, service.lastCompleted, { parts: ecs.scheduler, reason })
  } else {
    finish(record, 'STOPPED', ecs.clock.now(), 'Service deployment stopped by a user request.')
  }
  ecs.wake(service)
}

const allServices = (ecs: Ecs) =>
  [...ecs.clusters.values()].flatMap(cluster => [...cluster.services.values()])

function findRecord(ecs: Ecs, arn: string): { service: Service; record: ServiceDeployment } | undefined {
  for (const service of allServices(ecs)) {
    const record = service.serviceDeployments.find(candidate => candidate.arn === arn)
    if (record) return { service, record }
  }
  return undefined
}

function findRevision(ecs: Ecs, arn: string): JsonObject | undefined {
  for (const service of allServices(ecs)) {
    const revision = service.revisions.find(candidate => candidate.arn === arn)
    if (revision) return revisionAnswer(service, revision)
  }
  return undefined
}

function refuse(message: string): never {
  throw new AwsError('InvalidParameterException', message)
}
