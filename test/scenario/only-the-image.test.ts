import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { isSteady, until } from '../../sandbox/article/wait.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'

/** A stack in which people have set more than the article's module does: none of it may be lost by an upgrade. */
let folder: string
let stage: Stage

type Json = Record<string, unknown>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only-the-image-'))
  stage = await openStage({ folder, seed: false })
  await decorateWorker()
  await decorateWeb()
  liveAsAwsDoes()
})

/** Reads lag, calls are limited, and a task definition is unknown for a moment after it was registered. */
function liveAsAwsDoes(): void {
  const { faults } = stage.stack.sandbox.world
  faults.limit({ burst: 5, perSecond: 20 })
  faults.lag({ of: 'ecs', seconds: 5 })
  faults.lag({ of: 'apprunner', seconds: 25 })
  faults.add({
    operation: 'ecs.UpdateService',
    kind: { error: ['ClientException', 'TaskDefinition not found.'] },
  })
}

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const TAGS = [
  { key: 'team', value: 'llm' },
  { key: 'empty', value: '' },
]
/** CloudFormation's own, which no caller may set. */
const AWS_TAGS = [{ key: 'aws:cloudformation:stack-name', value: 'langfuse' }]

/** Tags, empty values, labels, and members that our code has never heard of. */
async function decorateWorker(): Promise<void> {
  const { world } = stage.stack.sandbox
  const described = await world.call('ecs', 'DescribeTaskDefinition', { taskDefinition: 'langfuse-worker' })
  const {
    taskDefinitionArn,
    revision,
    status,
    requiresAttributes,
    compatibilities,
    registeredAt,
    registeredBy,
    ...own
  } = described['taskDefinition'] as Json
  const [container] = own['containerDefinitions'] as Json[]
  const environment = [...((container?.['environment'] ?? []) as Json[]), { name: 'EMPTY', value: '' }]
  const decorated = {
    ...container,
    environment,
    dockerLabels: { 'com.example.owner': 'llm', empty: '' },
    ulimits: [{ name: 'nofile', softLimit: 65_535, hardLimit: 65_535 }],
    stopTimeout: 97,
    settingOfTheFuture: { mode: 'on' },
    versionConsistency: 'enabled',
    restartPolicy: { enabled: true, ignoredExitCodes: [0], restartAttemptPeriod: 180 },
  }
  const { arn: taskDefinition } = world.ecs.definitions.register({
    ...own,
    containerDefinitions: [decorated],
    ephemeralStorage: { sizeInGiB: 42 },
    enableFaultInjection: true,
    otherSettingOfTheFuture: ['a'],
    tags: [...TAGS, ...AWS_TAGS],
  })
  await world.call('ecs', 'UpdateService', {
    cluster: 'langfuse',
    service: 'langfuse_worker',
    taskDefinition,
  })
  await until({ what: 'the decorated worker', world, done: () => isSteady(world, 'langfuse_worker') })
}

async function decorateWeb(): Promise<void> {
  const { world } = stage.stack.sandbox
  const { SourceConfiguration, InstanceConfiguration } = await web()
  const source = SourceConfiguration as {
    ImageRepository: { ImageConfiguration: { RuntimeEnvironmentVariables: Json } }
  }
  const image = source.ImageRepository.ImageConfiguration
  await world.call('apprunner', 'UpdateService', {
    ServiceArn: stage.stack.webArn,
    SourceConfiguration: {
      ...source,
      ImageRepository: {
        ...source.ImageRepository,
        ImageConfiguration: {
          ...image,
          RuntimeEnvironmentVariables: { ...image.RuntimeEnvironmentVariables, EMPTY: '' },
        },
      },
    },
    HealthCheckConfiguration: {
      Protocol: 'HTTP',
      Path: '/api/public/health',
      Interval: 11,
      Timeout: 7,
      HealthyThreshold: 2,
      UnhealthyThreshold: 9,
    },
    InstanceConfiguration: { ...(InstanceConfiguration as Json), Cpu: '2048', Memory: '4096' },
  })
  const service = world.appRunner.services.get(stage.stack.webArn)
  await until({ what: 'the decorated web', world, done: () => service?.operations[0]?.endedAt !== undefined })
}

async function web(): Promise<Json> {
  const answer = await stage.stack.sandbox.world.call('apprunner', 'DescribeService', {
    ServiceArn: stage.stack.webArn,
  })
  return answer['Service'] as Json
}

async function worker(): Promise<Json> {
  return stage.stack.sandbox.world.call('ecs', 'DescribeTaskDefinition', {
    taskDefinition: 'langfuse-worker',
    include: ['TAGS'],
  })
}

/** Without the image, and without what every revision or update has of its own. */
function comparable(described: unknown): unknown {
  const own = ['image', 'ImageIdentifier', 'revision', 'taskDefinitionArn', 'registeredAt', 'UpdatedAt']
  return JSON.parse(JSON.stringify(described, (key, value) => (own.includes(key) ? undefined : value)))
}

test('an upgrade changes the image and nothing else: tags, empty values and unknown members stay', async () => {
  const [workerBefore, webBefore] = [comparable(await worker()), comparable(await web())]
  expect(workerBefore).toMatchObject({ tags: [...TAGS, ...AWS_TAGS] })
  const from = stage.stack.sandbox.requests.length
  const result = await stage.run('deploy', { version: '3.0.0', backup: 'false' })
  if (result.outputs['outcome'] !== 'deployed') throw new Error(result.stdout)
  expect(result.outputs['current-version']).toBe('3.0.0')
  expect(comparable(await worker())).toEqual({ ...Object(workerBefore), tags: TAGS })
  expect(comparable(await web())).toEqual(webBefore)
  const update = stage.stack.sandbox.requests
    .slice(from)
    .find(({ service, operation }) => service === 'apprunner' && operation === 'UpdateService')
  const { SourceConfiguration } = (update?.input ?? {}) as Json
  expect(comparable(SourceConfiguration)).toEqual((webBefore as Json)['SourceConfiguration'])
})
