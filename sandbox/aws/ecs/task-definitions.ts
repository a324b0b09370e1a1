import { AwsError } from '../errors.ts'
import { ACCOUNT, arn } from '../ids.ts'
import { isObject, type JsonObject, type Reader, reader } from '../json.ts'
import { page } from '../paging.ts'
import type { Operations } from '../server.ts'
import { refuseTags, tagsOf } from './tags.ts'
import type { TaskDefinition } from './types.ts'
import { validateTaskDefinition } from './validate.ts'

/** The registry of task definitions; revisions count up for ever. */
export function makeTaskDefinitions(now: () => Date): TaskDefinitions {
  const families = new Map<string, TaskDefinition[]>()
  const register = (input: JsonObject) => {
    const read = reader(input, 'ClientException')
    validateTaskDefinition(read)
    const family = read.needText('family')
    const revisions = families.get(family) ?? []
    families.set(family, revisions)
    const revision = revisions.length + 1
    const made: TaskDefinition = {
      arn: arn('ecs', `task-definition/${family}:${revision}`),
      family,
      revision,
      document: withDefaults(input),
      registeredAt: now(),
      status: 'ACTIVE',
      deregisteredAt: undefined,
      tags: tagsOf(read.objects('tags')),
    }
    revisions.push(made)
    return made
  }
  const find = (reference: string) => findDefinition(families, reference)
  const all = () => [...families.values()].flat()
  return { families, register, find, all, now }
}

export type TaskDefinitions = {
  /** By family, oldest revision first. */
  readonly families: ReadonlyMap<string, readonly TaskDefinition[]>
  register(input: JsonObject): TaskDefinition
  /** By `family`, `family:revision` or ARN; the family alone means its latest active revision. */
  find(reference: string): TaskDefinition | undefined
  all(): readonly TaskDefinition[]
  readonly now: () => Date
}

export function taskDefinitionOperations(definitions: TaskDefinitions): Operations {
  const ask = (handle: (definitions: TaskDefinitions, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(definitions, reader(input, 'ClientException'))
  return {
    RegisterTaskDefinition: input => {
      refuseTags(input['tags'])
      const made = definitions.register(input)
      return { taskDefinition: definitionAnswer(made), tags: made.tags.length > 0 ? made.tags : undefined }
    },
    DescribeTaskDefinition: ask(describe),
    DeregisterTaskDefinition: ask(deregister),
    ListTaskDefinitions: ask(list),
  }
}

function describe(definitions: TaskDefinitions, read: Reader): JsonObject {
  const found = definitions.find(read.needText('taskDefinition'))
  if (!found) throw new AwsError('ClientException', 'Unable to describe task definition.')
  return {
    taskDefinition: definitionAnswer(found),
    tags: read.texts('include').includes('TAGS') ? found.tags : undefined,
  }
}

function deregister(definitions: TaskDefinitions, read: Reader): JsonObject {
  const reference = read.needText('taskDefinition')
  const found = /:\d+$/.test(reference) ? definitions.find(reference) : undefined
  if (!found)
    throw new AwsError('ClientException', `Unable to deregister task definition ${reference}: not found.`)
  found.status = 'INACTIVE'
  found.deregisteredAt = definitions.now()
  return { taskDefinition: definitionAnswer(found) }
}

function list(definitions: TaskDefinitions, read: Reader): JsonObject {
  const family = read.text('familyPrefix')
  const status = read.text('status') ?? 'ACTIVE'
  const arns = definitions
    .all()
    .filter(d => d.status === status && (family === undefined || d.family === family))
    .map(d => d.arn)
  if (read.text('sort') === 'DESC') arns.reverse()
  const { items, next } = page(arns, {
    token: read.text('nextToken'),
    size: read.number('maxResults'),
    limit: 100,
    invalid: 'InvalidParameterException',
  })
  return { taskDefinitionArns: items, nextToken: next }
}

function findDefinition(families: ReadonlyMap<string, readonly TaskDefinition[]>, reference: string) {
  const [family = '', revision] = reference
    .replace(/^arn:aws:ecs:[^:]*:[^:]*:task-definition\//, '')
    .split(':')
  const revisions = families.get(family) ?? []
  if (revision === undefined) return revisions.findLast(candidate => candidate.status === 'ACTIVE')
  return revisions.find(candidate => candidate.revision === Number(revision))
}

/** Members that only an answer has; sent back by clients that copy an answer, they are ignored. */
const ANSWER_ONLY = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
  'deleteRequestedAt',
  'tags',
]

function withDefaults(input: JsonObject): JsonObject {
  const given = Object.fromEntries(Object.entries(input).filter(([name]) => !ANSWER_ONLY.includes(name)))
  const containers = reader(input).objects('containerDefinitions').map(containerDefaults)
  return { volumes: [], placementConstraints: [], ...given, containerDefinitions: containers }
}

function containerDefaults(container: JsonObject): JsonObject {
  const mappings = reader(container)
    .objects('portMappings')
    .map(mapping => ({ hostPort: mapping.containerPort, protocol: 'tcp', ...mapping }))
  const defaults = {
    cpu: 0,
    essential: true,
    environment: [],
    mountPoints: [],
    volumesFrom: [],
    systemControls: [],
  }
  return { ...defaults, ...container, portMappings: mappings }
}

function definitionAnswer(definition: TaskDefinition): JsonObject {
  return {
    taskDefinitionArn: definition.arn,
    ...definition.document,
    revision: definition.revision,
    status: definition.status,
    requiresAttributes: requiredAttributes(definition.document),
    compatibilities: ['EC2', 'FARGATE'],
    registeredAt: definition.registeredAt,
    registeredBy: `arn:aws:iam::${ACCOUNT}:user/sandbox`,
    deregisteredAt: definition.deregisteredAt,
  }
}

function requiredAttributes(document: JsonObject) {
  const containers = reader(document).objects('containerDefinitions')
  const names = ['com.amazonaws.ecs.capability.docker-remote-api.1.18', 'ecs.capability.task-eni']
  if (containers.some(container => isObject(container.healthCheck)))
    names.push('ecs.capability.container-health-check')
  if (document.volumes !== undefined && JSON.stringify(document.volumes).includes('efsVolumeConfiguration'))
    names.push('ecs.capability.efs')
  return names.map(name => ({ name }))
}
