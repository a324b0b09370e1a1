import { createHash, createHmac } from 'node:crypto'
import type { Container, EcsService, TaskDefinition } from '../ports/cloud.ts'
import {
  FINGERPRINT_PARTS,
  type Fingerprint,
  type FingerprintPart,
  type KeptBaseline,
  type KeptRecord,
} from '../ports/github.ts'
import { exactVersion } from './observe-images.ts'
import type {
  AppRunnerWeb,
  EcsComponent,
  EcsWeb,
  Observed,
  PostgresMigration,
  RunningImage,
  Stack,
  Unseen,
  WebComponent,
} from './stack.ts'
import { known, unknown } from './stack.ts'

/** One difference from the last deploy. It never contains a hash. */
export type Difference = {
  readonly component: FingerprintPart
  readonly member: string
  readonly was: string
  readonly is: string
}

type Comparison = {
  readonly differences: readonly Difference[]
  /** Parts that could be observed then or now, but not both times. */
  readonly uncompared: readonly Uncompared[]
}

export type Uncompared = {
  readonly component: FingerprintPart
  /** When it could not be observed. */
  readonly missing: 'then' | 'now'
  readonly reason: string
  readonly because: Unseen
}

/** The last deploy, as verify reads it from the records. */
export type Deployed = {
  /** Where the records are, for messages. */
  readonly location: string
  readonly baseline: KeptBaseline | undefined
  /** The last deploy's record: how it ended, and from which release to which. */
  readonly record: KeptRecord | undefined
  /** A sentence about the run that is changing the stack now, or may be. */
  readonly underway: { readonly certain: boolean; readonly sentence: string } | undefined
}

/** Compares what runs with what was deployed, member by member. */
export function compareWith(was: Fingerprint, stack: Stack): Comparison {
  const is = fingerprintOf(stack)
  const same = was.schema === is.schema
  const both = FINGERPRINT_PARTS.flatMap(part => {
    const before = was.parts[part]
    const now = is.parts[part]
    return before === undefined || now === undefined ? [] : compareMembers(part, before, now, same)
  })
  return {
    differences: both,
    uncompared: FINGERPRINT_PARTS.flatMap(part => uncompared(part, { was, is, stack })),
  }
}

type Members = Readonly<Record<string, string>>

function compareMembers(
  component: FingerprintPart,
  was: Members,
  is: Members,
  sameSchema: boolean,
): readonly Difference[] {
  // Another platform has other members altogether: only the platform is reported.
  if (was['platform'] !== is['platform']) return [difference(component, 'platform', was, is)]
  const members = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  return members
    .filter(member => sameSchema || (member in was && member in is))
    .filter(member => was[member] !== is[member] && !isImplied(member, was, is))
    .map(member => difference(component, member, was, is))
}

/** A revision of a task definition never changes: if it is the same, AWS only describes the member differently. */
function isImplied(member: string, was: Members, is: Members): boolean {
  const revision = 'task definition'
  return /^(task|container) /.test(member) && was[revision] !== undefined && was[revision] === is[revision]
}

function difference(component: FingerprintPart, member: string, was: Members, is: Members): Difference {
  const hidden = isHash(was[member]) && isHash(is[member])
  return {
    component,
    member,
    was: hidden ? 'another value' : shown(was[member]),
    is: hidden ? 'changed' : shown(is[member]),
  }
}

function shown(value: string | undefined): string {
  if (value === undefined) return 'absent'
  return isHash(value) ? 'a value' : value
}

function isHash(value: string | undefined): boolean {
  return value !== undefined && /^#[0-9a-f]+$/.test(value)
}

function uncompared(
  component: FingerprintPart,
  { was, is, stack }: { readonly was: Fingerprint; readonly is: Fingerprint; readonly stack: Stack },
): readonly Uncompared[] {
  const before = was.parts[component] !== undefined
  const now = is.parts[component] !== undefined
  if (before === now) return []
  if (now) {
    const reason = 'the run that recorded the baseline could not observe it'
    return [{ component, missing: 'then', reason, because: 'not-asked' }]
  }
  return [{ component, missing: 'now', ...whyUnseen(component, stack) }]
}

function whyUnseen(component: FingerprintPart, stack: Stack): { reason: string; because: Unseen } {
  const sources: Partial<Record<FingerprintPart, Observed<unknown>>> = {
    'web image': imageEvidence(stack.web.image),
    'worker image': imageEvidence(stack.worker.image),
    'clickhouse image': imageEvidence(stack.clickhouse.image),
    'mount targets': stack.files,
    'cloud map': stack.discovery,
    postgres: stack.postgres,
    'clickhouse schema': stack.clickhouseStore,
  }
  const source = sources[component]
  return source === undefined || source.known
    ? { reason: 'it no longer exists', because: 'no-evidence' }
    : { reason: source.reason, because: source.because }
}

function imageEvidence({ unseen, reference, source }: RunningImage): Observed<string> {
  return unseen === undefined ? known(reference, source) : unknown(unseen, 'unreachable')
}

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
