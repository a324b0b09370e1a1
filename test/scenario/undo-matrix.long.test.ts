import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Service } from '../../sandbox/aws/ecs/types.ts'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { Program } from '../../sandbox/aws/images.ts'
import { type RunResult, runAction } from '../../sandbox/runner.ts'
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts'

/**
 * The undo beside ECS's own rollback, in real time: the action pauses as long as it does on GitHub, and ECS takes its
 * time. All deploys go on side by side, each with a cluster, services and images of its own.
 */
let folder: string
let sandbox: Sandbox

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undo-matrix-'))
  sandbox = await startSandbox({ folder: join(folder, 'aws'), speed: 1, graceSeconds: 600 })
  // The breaker trips after two minutes instead of nine: what is measured comes after it.
  sandbox.world.ecs.scheduler.pace.retrySeconds = 5
})

afterAll(async () => {
  await sandbox?.stop()
  await rm(folder, { recursive: true, force: true })
})

const COMPONENTS = ['worker', 'clickhouse', 'web'] as const
type Component = (typeof COMPONENTS)[number]

type Cell = {
  readonly component: Component
  readonly named: 'digest' | 'tag'
  readonly rollbackSeconds: number
  /** Of its cluster, and a part of every other name. */
  readonly name: string
}

const CELLS: readonly Cell[] = COMPONENTS.flatMap(component =>
  (['digest', 'tag'] as const).flatMap(named =>
    [0, 30, 120].map(rollbackSeconds => ({
      component,
      named,
      rollbackSeconds,
      name: `${component}-${named}-${rollbackSeconds}`,
    })),
  ),
)

/** Neither release crosses a migration. */
const TAGS = {
  worker: ['3.0.0', '3.1.0'],
  clickhouse: ['24.12.3', '24.12.4'],
  web: ['3.0.0', '3.1.0'],
} as const

test('a component whose breaker trips is back by ECS alone, however long that takes and however its image is named', async () => {
  const done = await Promise.all(
    CELLS.map(async (cell, number) => {
      // Starts are spread, so that ends fall anywhere between two polls.
      await pause(number * 1_700)
      return runCell(cell)
    }),
  )
  process.stdout.write(`${done.map(({ row }) => row).join('\n')}\n`)
  expect(done.flatMap(({ problems }) => problems)).toEqual([])
}, 900_000)

async function runCell(cell: Cell): Promise<{ readonly row: string; readonly problems: readonly string[] }> {
  const digests = await createStack(cell)
  const failing = serviceOf(cell, cell.component)
  failing.rollbackSeconds = cell.rollbackSeconds
  const from = sandbox.requests.length
  const begun = Date.now()
  const result = await deploy(cell)
  const seconds = Math.round((Date.now() - begun) / 1_000)
  const updates = sandbox.requests
    .slice(from)
    .filter(({ operation, input }) => operation === 'UpdateService' && input['cluster'] === cell.name)
  const toFailing = updates.filter(({ input }) => input['service'] === failing.name).length
  const took = rollbackOf(failing)
  const problems = [
    result.outputs['outcome'] === 'rolled-back' ? [] : `ends ${result.outputs['outcome']}`,
    toFailing === 1 ? [] : `sends ${toFailing} updates to the failing service`,
    failing.serviceDeployments[0]?.status === 'ROLLBACK_SUCCESSFUL'
      ? []
      : 'ECS did not complete its rollback',
    took >= cell.rollbackSeconds ? [] : `ECS took only ${took} s`,
    /AWS took \w+ back by itself/.test(messageOf(result)) ? [] : `says: ${messageOf(result)}`,
    ...COMPONENTS.map(component =>
      runningDigest(cell, component) === digests[component] ? [] : `${component} is not back`,
    ),
  ].flat()
  return {
    row: [
      cell.component.padEnd(10),
      cell.named.padEnd(6),
      `rollback ${String(took).padStart(3)} s (at least ${cell.rollbackSeconds})`.padEnd(32),
      String(result.outputs['outcome']).padEnd(12),
      `${toFailing} update`,
      `${seconds} s in all`,
    ].join('  '),
    problems: problems.map(problem => `${cell.name}: ${problem}`),
  }
}

function deploy(cell: Cell): Promise<RunResult> {
  const { world } = sandbox
  return runAction({
    action: 'deploy',
    folder: join(folder, cell.name),
    env: sandbox.env,
    inputs: {
      version: '3.1.0',
      ...(cell.component === 'clickhouse' && { 'clickhouse-version': '24.12.4' }),
      cluster: cell.name,
      'worker-service': `${cell.name}-worker`,
      'clickhouse-service': `${cell.name}-clickhouse`,
      'web-service': `${cell.name}-web`,
      'web-platform': 'ecs',
      url: world.frontEndpoint(serviceOf(cell, 'web').arn),
      backup: 'false',
      migrate: 'boot',
      'github-token': '',
    },
  })
}

function messageOf({ commands }: RunResult): string {
  return commands.at(-1)?.message ?? ''
}

/** Seconds. */
function rollbackOf({ serviceDeployments: [record] }: Service): number {
  const [from, to] = [record?.rollback?.startedAt.getTime() ?? 0, record?.finishedAt?.getTime() ?? 0]
  return Math.round((to - from) / 1_000)
}

function serviceOf({ name }: Cell, component: Component): Service {
  const service = sandbox.world.ecs.clusters.get(name)?.services.get(`${name}-${component}`)
  if (service === undefined) throw new Error(`The sandbox has no service ${name}-${component}`)
  return service
}

function runningDigest(cell: Cell, component: Component): string | undefined {
  const service = serviceOf(cell, component)
  const tasks = [...service.cluster.tasks.values()].filter(
    task => task.service === service && task.lastStatus === 'RUNNING',
  )
  return tasks.length === 1 ? tasks[0]?.containers[0]?.imageDigest : undefined
}

/** Worker, ClickHouse and web on ECS, at rest. Returns the digests that run. */
async function createStack(cell: Cell): Promise<Readonly<Record<Component, string>>> {
  const { world } = sandbox
  await world.call('ecs', 'CreateCluster', { clusterName: cell.name })
  const digests = await Promise.all(
    COMPONENTS.map(async component => [component, await createService(cell, component)] as const),
  )
  while (!COMPONENTS.every(component => serviceOf(cell, component).steady)) await pause(500)
  return Object.fromEntries(digests) as Record<Component, string>
}

const RUNS: Program = { kind: 'scripted', startSeconds: 1 }
const DIES: Program = { kind: 'scripted', exitAfter: 2, exitCode: 1, log: ['Error: SALT is missing'] }

async function createService(cell: Cell, component: Component): Promise<string> {
  const { world } = sandbox
  const repository = `${cell.name}-${component}`
  const [older, newer] = TAGS[component]
  const { digest } = world.pushImage({ repository, tags: [older], program: programOf(component, older) })
  const after = component === cell.component ? DIES : programOf(component, newer)
  world.pushImage({ repository, tags: [newer], program: after })
  const image = `${REGISTRY}/${repository}${cell.named === 'digest' ? `@${digest}` : `:${older}`}`
  const taskDefinition = await world.registerTaskDefinition({
    family: repository,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
    containerDefinitions: [
      {
        name: component,
        image,
        essential: true,
        ...(component !== 'clickhouse' && checkOn(PORTS[component])),
      },
    ],
  })
  const single = component === 'clickhouse' && { minimumHealthyPercent: 0, maximumPercent: 100 }
  await world.createService({
    cluster: cell.name,
    serviceName: repository,
    taskDefinition,
    desiredCount: 1,
    launchType: 'FARGATE',
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true }, ...single },
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: ['subnet-0aaa'],
        securityGroups: ['sg-0bbb'],
        assignPublicIp: 'DISABLED',
      },
    },
  })
  return digest
}

const PORTS = { web: 3000, worker: 3030 } as const

/** Until its health check passes, a new task does not replace the older one, which is then back at once. */
function checkOn(port: number) {
  const command = ['CMD-SHELL', `curl -f http://localhost:${port}/`]
  return { portMappings: [{ containerPort: port }], healthCheck: { command, interval: 10, startPeriod: 60 } }
}

/** Web and worker answer as their health endpoints do. */
function programOf(component: Component, version: string): Program {
  if (component === 'clickhouse') return RUNS
  const script = `const [host, port] = process.env.SANDBOX_LISTEN.split(':')
    const answer = JSON.stringify({ status: 'OK', version: '${version}' })
    require('node:http').createServer((_, response) => response.end(answer)).listen(Number(port), host)
    process.on('SIGTERM', () => process.exit(0))`
  return { kind: 'command', command: ['node', '-e', script] }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
