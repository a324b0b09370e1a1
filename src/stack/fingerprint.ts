import { createHash, createHmac } from 'node:crypto'
import type { Container, EcsService, TaskDefinition } from '../ports/cloud.ts'
import type { Fingerprint } from '../ports/github.ts'
import { exactVersion } from './observe-image.ts'
import type {
  AppRunnerWeb,
  EcsComponent,
  EcsWeb,
  PostgresMigration,
  RunningImage,
  Stack,
  WebComponent,
} from './stack.ts'

/**
 * What can drift in a stack at rest: nothing that changes by itself (tasks, addresses, running counts). Possible secrets
 * are hashed; what could not be observed is left out.
 */
export function fingerprintOf(stack: Stack): Fingerprint {
  return { schema: 1, parts: partsOf(stack, hashFor(stack)) }
}

/** Identifies the stack, also if two of them share a GitHub environment. */
export function identityOf({ account, region, cluster, web, worker, clickhouse }: Stack): string {
  return [account, region, cluster, web.service.name, worker.service.name, clickhouse.service.name].join('/')
}

type Members = Readonly<Record<string, string>>
type Parts = Fingerprint['parts']
type Hash = (value: unknown) => string

/**
 * Only four digits, so a guessed password proves nothing: one guess in 65,536 matches, and a change is missed as rarely.
 * Always the same key, because each further key would reveal four digits more.
 */
function hashFor({ account, worker }: Stack): Hash {
  const key = `langfuse-rollout ${account} ${worker.service.arn}`
  return value => `#${createHmac('sha256', key).update(canonical(value)).digest('hex').slice(0, 4)}`
}

function partsOf(stack: Stack, hash: Hash): Parts {
  const { worker, clickhouse, web, files, discovery, postgres, clickhouseStore } = stack
  const [volume] = clickhouse.taskDefinition.volumes
  return {
    web: webMembers(web, hash),
    worker: ecsMembers(worker, hash),
    clickhouse: ecsMembers(clickhouse, hash),
    ...imagePart('web image', web.image),
    ...imagePart('worker image', worker.image),
    ...imagePart('clickhouse image', clickhouse.image),
    efs: {
      'file system': volume?.fileSystemId ?? 'none',
      'root directory': volume?.rootDirectory ?? 'none',
      'access point': volume?.accessPointId ?? 'none',
    },
    ...(files.known && {
      'mount targets': Object.fromEntries(
        files.value.mountTargets.map(({ subnet, id, address }) => [subnet, `${id} ${address}`]),
      ),
    }),
    ...(discovery.known && { 'cloud map': { name: discovery.value.name } }),
    ...(postgres.known && { postgres: postgresMembers(postgres.value.migrations) }),
    ...(clickhouseStore.known && {
      'clickhouse schema': {
        head: String(clickhouseStore.value.head),
        dirty: String(clickhouseStore.value.dirty),
      },
    }),
  }
}

function postgresMembers(migrations: readonly PostgresMigration[]): Members {
  const applied = migrations.filter(migration => migration.state === 'applied').map(({ name }) => name)
  const names = createHash('sha256').update(applied.toSorted().join('\n')).digest('hex')
  return { migrations: String(applied.length), 'names of the migrations': `#${names.slice(0, 12)}` }
}

function webMembers(web: WebComponent, hash: Hash): Members {
  const members = web.platform === 'app-runner' ? appRunnerMembers(web, hash) : ecsMembers(web, hash)
  return { platform: web.platform, ...members }
}

function appRunnerMembers({ service, image, environment, secrets }: AppRunnerWeb, hash: Hash): Members {
  const { 'start command': command, ...settings } = service.settings ?? {}
  return {
    service: service.arn,
    image: image.reference,
    ...settings,
    ...(command !== undefined && { 'start command': hash(command) }),
    ...environmentMembers({ environment, secrets }, hash),
  }
}

function ecsMembers(
  { service, taskDefinition, container, image }: EcsComponent | EcsWeb,
  hash: Hash,
): Members {
  return {
    service: service.arn,
    image: image.reference,
    'task definition': `${taskDefinition.family}:${taskDefinition.revision}`,
    ...serviceMembers(service, hash),
    ...contentMembers(taskDefinition, container, hash),
    ...environmentMembers(container, hash),
  }
}

/** The digest and the tag that points to it: a tag that was pushed again is drift, although nothing running changed. */
function imagePart(part: keyof Parts, { digest, version, tags, unseen }: RunningImage): Parts {
  // If the repository was read, its tags are better evidence than the reference.
  const tag = tags === undefined ? version : exactVersion(tags)
  return unseen === undefined ? { [part]: { digest: digest ?? 'none', tag: tag ?? 'none' } } : {}
}

function serviceMembers(service: EcsService, hash: Hash): Members {
  const { settings } = service
  return {
    'desired count': String(service.desiredCount),
    'minimum healthy percent': String(settings.minimumHealthyPercent),
    'maximum percent': String(settings.maximumPercent),
    'circuit breaker': onOff(settings.circuitBreaker.enable),
    'circuit breaker rollback': onOff(settings.circuitBreaker.rollback),
    'deployment alarms': settings.rest?.['alarms'] === undefined ? 'none' : hash(settings.rest['alarms']),
    subnets: service.subnets.toSorted().join(' '),
    'security groups': service.securityGroups.toSorted().join(' '),
    'public address': onOff(service.assignPublicIp),
    'Cloud Map services': service.registries.toSorted().join(' ') || 'none',
  }
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off'
}

/** Hashes of all members, except those of Langfuse's own container that are listed separately. */
function contentMembers({ content }: TaskDefinition, main: Container, hash: Hash): Members {
  if (content === undefined) return {}
  const { containerDefinitions: _containers, ...task } = content.task
  const members = Object.entries(task).map(([member, value]) => [`task ${member}`, hash(value)])
  const containers = Object.entries(content.containers).flatMap(([name, container]) =>
    Object.entries(container)
      .filter(([member]) => name !== main.name || !OWN.includes(member))
      .map(([member, value]) => [`container ${name} ${member}`, hash(value)]),
  )
  return Object.fromEntries([...members, ...containers])
}

const OWN: readonly string[] = ['image', 'environment', 'secrets']

function environmentMembers(
  { environment, secrets }: Pick<Container, 'environment' | 'secrets'>,
  hash: Hash,
): Members {
  return Object.fromEntries([
    ...Object.entries(environment).map(([name, value]) => [`variable ${name}`, hash(value)]),
    ...Object.entries(secrets).map(([name, from]) => [`secret ${name}`, hash(from)]),
  ])
}

/** The same text for equal values, whatever the order of their members. */
function canonical(value: unknown): string {
  const sorted = (_key: string, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([left], [right]) => (left < right ? -1 : 1)))
      : item
  return JSON.stringify(value, sorted) ?? ''
}
