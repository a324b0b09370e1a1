import { expect, test } from '@jest/globals'
import type { Fingerprint } from '../../src/ports/github.ts'
import { compareWith, fingerprintOf } from '../../src/stack/baseline.ts'
import { type EcsComponent, known, type Stack, unknown } from '../../src/stack/stack.ts'
import { appRunnerService, DIGEST, ENVIRONMENT, stackOn2, withWeb } from '../support/stack.ts'

const SETTINGS = { cpu: '1024', memory: '2048', 'health check protocol': 'HTTP', 'VPC connector': 'arn:c/1' }

/** The healthy stack, with all that can be compared. */
function deployed(): Stack {
  const stack = stackOn2()
  const content = {
    task: { cpu: '2048', taskRoleArn: 'arn:role/task', containerDefinitions: ['left out'] },
    containers: { worker: { image: 'i', environment: [], memory: 4096 }, sidecar: { image: 'side:1' } },
  }
  return {
    ...withWeb(stack, { service: appRunnerService({ settings: SETTINGS }) }),
    worker: { ...stack.worker, taskDefinition: { ...stack.worker.taskDefinition, content } },
  }
}

const worker =
  (over: Partial<EcsComponent['service']>) =>
  (stack: Stack): Stack => ({
    ...stack,
    worker: { ...stack.worker, service: { ...stack.worker.service, ...over } },
  })

const environment =
  (change: Record<string, string | undefined>) =>
  (stack: Stack): Stack => {
    const changed = Object.entries({ ...stack.web.environment, ...change })
    const kept = changed.filter((pair): pair is [string, string] => pair[1] !== undefined)
    return withWeb(stack, { environment: Object.fromEntries(kept) })
  }

const settings =
  (change: Record<string, string>) =>
  (stack: Stack): Stack =>
    withWeb(stack, { service: appRunnerService({ settings: { ...SETTINGS, ...change } }) })

const volume =
  (over: object) =>
  (stack: Stack): Stack => {
    const [data] = stack.clickhouse.taskDefinition.volumes
    if (data === undefined) throw new Error('no volume')
    const taskDefinition = { ...stack.clickhouse.taskDefinition, volumes: [{ ...data, ...over }] }
    return { ...stack, clickhouse: { ...stack.clickhouse, taskDefinition } }
  }

/** Another revision, with other content. */
const revision =
  (change: object) =>
  (stack: Stack): Stack => {
    const { taskDefinition } = stack.worker
    const content = { containers: {}, task: {}, ...taskDefinition.content, ...change }
    return {
      ...stack,
      worker: { ...stack.worker, taskDefinition: { ...taskDefinition, revision: 2, content } },
    }
  }

const breaker = { enable: true, rollback: true }
const service = stackOn2().worker.service
const [NAME = ''] = Object.keys(ENVIRONMENT)

test.each<readonly [string, (stack: Stack) => Stack, readonly string[]]>([
  [
    'another image by digest',
    stack => ({
      ...stack,
      worker: { ...stack.worker, image: { ...stack.worker.image, digest: DIGEST.worker3 } },
    }),
    ['worker image digest'],
  ],
  [
    'a tag that leads elsewhere',
    stack => withWeb(stack, { image: { ...stack.web.image, version: undefined, tags: [] } }),
    ['web image tag'],
  ],
  [
    'an exact tag that was pushed again, while tasks started by it still run',
    stack => ({ ...stack, worker: { ...stack.worker, image: { ...stack.worker.image, tags: ['latest'] } } }),
    ['worker image tag'],
  ],
  ['desired count', worker({ desiredCount: 0 }), ['worker desired count']],
  [
    'minimum and maximum percent',
    worker({ settings: { ...service.settings, minimumHealthyPercent: 1, maximumPercent: 2 } }),
    ['worker minimum healthy percent', 'worker maximum percent'],
  ],
  [
    'circuit breaker',
    worker({ settings: { ...service.settings, circuitBreaker: breaker } }),
    ['worker circuit breaker', 'worker circuit breaker rollback'],
  ],
  [
    'deployment alarms',
    worker({ settings: { ...service.settings, rest: { alarms: ['a'] } } }),
    ['worker deployment alarms'],
  ],
  ['subnets', worker({ subnets: ['subnet-z'] }), ['worker subnets']],
  ['security groups', worker({ securityGroups: ['sg-z'] }), ['worker security groups']],
  ['public address', worker({ assignPublicIp: !service.assignPublicIp }), ['worker public address']],
  ['Cloud Map service', worker({ registries: ['arn:srv-z'] }), ['worker Cloud Map services']],
  ['a variable that is changed', environment({ [NAME]: 'something else' }), [`web variable ${NAME}`]],
  ['a variable that is added', environment({ NEW: 'x' }), ['web variable NEW']],
  ['a variable that is gone', environment({ [NAME]: undefined }), [`web variable ${NAME}`]],
  [
    'a secret that is added, and one that is read from elsewhere',
    stack => withWeb(stack, { secrets: { ...stack.web.secrets, SALT: 'arn:other', EXTRA: 'arn:secret' } }),
    ['web secret SALT', 'web secret EXTRA'],
  ],
  ['the size on App Runner', settings({ cpu: '512' }), ['web cpu']],
  [
    'the health check on App Runner',
    settings({ 'health check protocol': 'TCP' }),
    ['web health check protocol'],
  ],
  ['the connector of App Runner', settings({ 'VPC connector': 'arn:c/2' }), ['web VPC connector']],
  ['a start command', settings({ 'start command': 'sleep' }), ['web start command']],
  [
    'another member of the task, in another revision',
    revision({ task: { cpu: '4096', taskRoleArn: 'arn:role/task' } }),
    ['worker task definition', 'worker task cpu'],
  ],
  [
    'another image of a sidecar, in another revision',
    revision({ containers: { worker: { memory: 4096 }, sidecar: { image: 'side:2' } } }),
    ['worker task definition', 'worker container sidecar image'],
  ],
  ['file system', volume({ fileSystemId: 'fs-2' }), ['efs file system']],
  ['root directory', volume({ rootDirectory: '/clickhouse' }), ['efs root directory']],
  ['access point', volume({ accessPointId: 'fsap-2' }), ['efs access point']],
  [
    'a mount target that is gone',
    stack => ({ ...stack, files: known({ id: 'fs-1', state: 'available', mountTargets: [] }, 'x') }),
    ['mount targets subnet-a', 'mount targets subnet-b'],
  ],
  [
    'another name in Cloud Map',
    stack => ({ ...stack, discovery: known({ name: 'ch.other.local', instances: [] }, 'x') }),
    ['cloud map name'],
  ],
  [
    'a Postgres migration more',
    stack => ({
      ...stack,
      postgres: known(
        {
          migrations: ['x', 'y', 'z'].map(name => ({ name, checksum: '', state: 'applied' as const })),
          backgroundMigrations: [],
          pending: [],
        },
        'x',
      ),
    }),
    ['postgres migrations', 'postgres names of the migrations'],
  ],
  [
    "ClickHouse's head and flag",
    stack => ({
      ...stack,
      clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: 4, dirty: true }, 'x'),
    }),
    ['clickhouse schema head', 'clickhouse schema dirty'],
  ],
])('%s', (_name, change, found) => {
  const { differences, uncompared } = compareWith(fingerprintOf(deployed()), change(deployed()))
  expect(differences.map(({ component, member }) => `${component} ${member}`)).toEqual(found)
  for (const { was, is } of differences) expect(was).not.toBe(is)
  expect(JSON.stringify(differences)).not.toMatch(/#[0-9a-f]/)
  expect(uncompared).toEqual([])
})

test.each<readonly [string, (stack: Stack) => Stack]>([
  ['the very same', stack => stack],
  ['other tasks', stack => ({ ...stack, worker: { ...stack.worker, tasks: [] } })],
  ['counts of what runs', worker({ runningCount: 0, pendingCount: 3 })],
  ['events and deployments', worker({ events: [], deployments: [] })],
  ['the order of subnets', worker({ subnets: [...service.subnets].reverse() })],
  [
    'instances of Cloud Map',
    stack => ({ ...stack, discovery: known({ name: 'clickhouse.langfuse.local', instances: [] }, 'x') }),
  ],
  [
    'what AWS describes more of the same revision',
    stack => {
      const { taskDefinition } = stack.worker
      const content = { containers: {}, task: { enableFaultInjection: false } }
      return { ...stack, worker: { ...stack.worker, taskDefinition: { ...taskDefinition, content } } }
    },
  ],
  ['health', stack => ({ ...stack, health: unknown('no answer', 'unreachable') })],
])('no noise: %s', (_name, change) => {
  const compared = compareWith(fingerprintOf(deployed()), change(deployed()))
  expect(compared).toEqual({ differences: [], uncompared: [] })
})

test('a web on another platform is one difference, not fifty', () => {
  const stack = deployed()
  const onEcs = {
    ...stack,
    web: {
      ...stack.worker,
      image: stack.web.image,
      component: 'web',
      platform: 'ecs',
      express: undefined,
      environment: {},
      secrets: {},
    },
  } as Stack
  expect(compareWith(fingerprintOf(stack), onEcs).differences).toEqual([
    { component: 'web', member: 'platform', was: 'app-runner', is: 'ecs' },
  ])
})

test('what could not be seen then or now is not compared, and said', () => {
  const blind = { ...deployed(), postgres: unknown<never>('the agent was not allowed', 'not-asked') }
  const then = compareWith(fingerprintOf(blind), deployed())
  expect(then).toMatchObject({ differences: [], uncompared: [{ component: 'postgres', missing: 'then' }] })
  const now = compareWith(fingerprintOf(deployed()), blind)
  expect(now.uncompared).toEqual([
    { component: 'postgres', missing: 'now', reason: 'the agent was not allowed', because: 'not-asked' },
  ])
})

test('a registry that cannot be asked is missing evidence, no tag that moved', () => {
  const stack = deployed()
  const image = { ...stack.worker.image, version: undefined, unseen: 'ecr:DescribeImages is denied' }
  const blind = { ...stack, worker: { ...stack.worker, image } }
  expect(compareWith(fingerprintOf(stack), blind)).toEqual({
    differences: [],
    uncompared: [
      {
        component: 'worker image',
        missing: 'now',
        reason: 'ecr:DescribeImages is denied',
        because: 'unreachable',
      },
    ],
  })
})

test('of a fingerprint of another schema only what both have is compared', () => {
  const { parts } = fingerprintOf(deployed())
  const older = { schema: 0, parts: { ...parts, web: { platform: 'app-runner', cpu: '512', gone: '1' } } }
  const { differences } = compareWith(older as unknown as Fingerprint, deployed())
  expect(differences).toEqual([{ component: 'web', member: 'cpu', was: '512', is: '1024' }])
})

test('no value of a variable is in a fingerprint or in a difference, nor enough to confirm a guess', () => {
  const secret = 'correct horse battery staple'
  const spoiled = environment({ [NAME]: secret })(deployed())
  const fingerprint = fingerprintOf(spoiled)
  const { differences } = compareWith(fingerprintOf(deployed()), spoiled)
  expect(JSON.stringify([fingerprint, differences])).not.toContain('horse')
  expect(fingerprint.parts.web?.[`variable ${NAME}`]).toMatch(/^#[0-9a-f]{4}$/)
  expect(differences).toMatchObject([{ was: 'another value', is: 'changed' }])
})

test('the same value has another hash in another account', () => {
  const here = fingerprintOf(deployed()).parts.web
  const there = fingerprintOf({ ...deployed(), account: '999999999999' }).parts.web
  const variables = Object.keys(here ?? {}).filter(name => name.startsWith('variable '))
  expect(variables.some(name => here?.[name] !== there?.[name])).toBe(true)
})
