import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REGISTRY } from '../sandbox/aws/ids.ts'
import type { Program } from '../sandbox/aws/images.ts'
import type { World } from '../sandbox/aws/world.ts'
import { runAction } from '../sandbox/runner.ts'
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts'

const EACH = Number(process.argv[2] ?? 16)

/**
 * How late the built deploy action tells what AWS already knows, and how many calls that costs. Prints, asserts nothing.
 *
 * The action waits in real time, so the sandbox's clock runs at real speed here: a faster one would make every pause
 * of the action that many times longer. It is quick all the same because all rollouts go on side by side, each with
 * a cluster, services and images of its own on one sandbox. Starts, start-up times and failures are spread, so that
 * ends fall anywhere between two looks. AWS's state is read from the sandbox's memory every 20 ms; the action's line
 * is taken when it appears in its log.
 */
async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rollout-'))
  const sandbox = await startSandbox({ folder: join(folder, 'aws'), speed: 1, graceSeconds: 120 })
  try {
    const stacks = KINDS.flatMap(kind => Array.from({ length: EACH }, (_, index) => ({ kind, index })))
    say(`${EACH} deploys of each of ${KINDS.join(', ')}, all side by side, in real time: about nine minutes`)
    const rollouts = await Promise.all(
      stacks.map(async (stack, number) => {
        await pause(number * 1_000)
        return measure({ ...stack, sandbox, folder, name: `bench-${String(number).padStart(3, '0')}` })
      }),
    )
    report(rollouts.flat())
  } finally {
    await sandbox.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Neither crosses a migration. */
const [FROM, TO] = ['3.0.0', '3.1.0']

const KINDS = ['success', 'slow success', 'worker that dies', 'web that dies'] as const
type Kind = (typeof KINDS)[number]

/** The line that ends the measuring. */
const LAST: Readonly<Record<Kind, string>> = {
  success: '✔ web',
  'slow success': '✔ worker',
  'worker that dies': '✘ worker',
  'web that dies': '✘ web',
}

type Stack = {
  readonly kind: Kind
  /** Among those of its kind. */
  readonly index: number
  /** In every name of the stack, so that its calls can be told from others. */
  readonly name: string
  readonly sandbox: Sandbox
  readonly folder: string
}

/** All times in milliseconds. */
type Rollout = {
  readonly on: 'ECS' | 'App Runner'
  readonly ending: 'success' | 'failure'
  /** How long AWS took. */
  readonly took: number
  /** From AWS's state to the action's line. */
  readonly delay: number
  readonly calls: number
}

async function measure(stack: Stack): Promise<readonly Rollout[]> {
  const { sandbox, name, kind } = stack
  const web = await createStack(stack)
  const ends = watchStates(sandbox.world, name, web)
  const lost = new AbortController()
  const lines = new Map<string, number>()
  const result = await runAction({
    action: 'deploy',
    folder: join(stack.folder, name),
    env: sandbox.env,
    inputs: {
      version: TO,
      cluster: name,
      'worker-service': `${name}-worker`,
      'clickhouse-service': `${name}-clickhouse`,
      'web-service': `${name}-web`,
      url: sandbox.world.frontEndpoint(web),
      order: kind === 'web that dies' ? 'web,worker,clickhouse' : 'worker,clickhouse,web',
      backup: 'false',
      migrate: 'boot',
      'on-failure': 'stop',
      'github-token': '',
    },
    // What comes after the rollout is not measured.
    lost: lost.signal,
    onLine: line => {
      const said = /^[✔✘] (worker|web)/.exec(line)?.[0]
      if (said !== undefined) lines.set(said, Date.now())
      if (said === LAST[kind]) lost.abort()
    },
  })
  ends.stop()
  if (!lines.has(LAST[kind]))
    say(`${name} (${kind}) did not end as it should: ${result.commands.at(-1)?.message}`)
  return [...lines].flatMap(([said, at]) => rolloutOf(said, at, { stack, ends: ends.seen }))
}

function rolloutOf(
  said: string,
  at: number,
  { stack, ends }: { stack: Stack; ends: ReadonlyMap<string, Span> },
): readonly Rollout[] {
  const component = said.slice(2)
  const span = ends.get(component)
  if (span === undefined) return []
  const token = `${stack.name}-${component}`
  const ours = stack.sandbox.requests.filter(request => {
    const input = JSON.stringify(request.input)
    // DescribeTasks names the cluster only, and just the worker has tasks that are asked for.
    const tasks = component === 'worker' && request.operation === 'DescribeTasks'
    return (
      request.at.getTime() <= at && (input.includes(token) || (tasks && input.includes(`"${stack.name}"`)))
    )
  })
  // Its first write; what was looked at before belongs to the plan.
  const first = component === 'web' ? 'UpdateService' : 'RegisterTaskDefinition'
  const calls = ours.slice(ours.findLastIndex(request => request.operation === first))
  return [
    {
      on: component === 'web' ? 'App Runner' : 'ECS',
      ending: said.startsWith('✔') ? 'success' : 'failure',
      took: span.to - span.from,
      delay: at - span.to,
      calls: calls.length,
    },
  ]
}

type Span = { readonly from: number; readonly to: number }

/** When the newest deployment of worker and web began, and when AWS gave it a final state or began to roll it back. */
function watchStates(world: World, name: string, web: string) {
  const seen = new Map<string, Span>()
  const service = world.ecs.clusters.get(name)?.services.get(`${name}-worker`)
  const first = {
    worker: service?.serviceDeployments[0],
    web: world.appRunner.services.get(web)?.operations[0],
  }
  const note = (component: string, from: Date, state: string) => {
    if (!seen.has(component) && !/^(PENDING|IN_PROGRESS)$/.test(state))
      seen.set(component, { from: from.getTime(), to: Date.now() })
  }
  const timer = setInterval(() => {
    const deployment = service?.serviceDeployments[0]
    if (deployment && deployment !== first.worker) note('worker', deployment.createdAt, deployment.status)
    const operation = world.appRunner.services.get(web)?.operations[0]
    if (operation && operation !== first.web) note('web', operation.startedAt, operation.status)
  }, 20)
  return { seen, stop: () => clearInterval(timer) }
}

/** Worker and ClickHouse on ECS and a web on App Runner, at rest. Answers the ARN of the web. */
async function createStack({ sandbox: { world }, name, kind, index }: Stack): Promise<string> {
  const images = imagesOf(kind, index / EACH)
  for (const [repository, programs] of Object.entries(images))
    for (const [tag, program] of Object.entries(programs))
      world.pushImage({ repository: `${name}-${repository}`, tags: [tag], program })
  await world.call('ecs', 'CreateCluster', { clusterName: name })
  await createService(world, name, { component: 'worker', checked: kind === 'slow success' })
  await createService(world, name, { component: 'clickhouse', checked: false })
  const arn = await world.createAppRunnerService({
    ServiceName: `${name}-web`,
    SourceConfiguration: {
      AuthenticationConfiguration: { AccessRoleArn: 'arn:aws:iam::123456789012:role/ecr' },
      AutoDeploymentsEnabled: false,
      ImageRepository: {
        ImageIdentifier: `${REGISTRY}/${name}-web:${FROM}`,
        ImageRepositoryType: 'ECR',
        ImageConfiguration: { Port: '3000' },
      },
    },
  })
  const services = world.ecs.clusters.get(name)?.services
  const atRest = () =>
    world.appRunner.services.get(arn)?.status === 'RUNNING' &&
    [...(services?.values() ?? [])].every(service => service.steady)
  while (!atRest()) await pause(500)
  return arn
}

type Service = { readonly component: 'worker' | 'clickhouse'; readonly checked: boolean }

async function createService(world: World, name: string, { component, checked }: Service): Promise<void> {
  const tag = component === 'worker' ? FROM : '24.12.3'
  const taskDefinition = await world.registerTaskDefinition({
    family: `${name}-${component}`,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
    containerDefinitions: [
      {
        name: component,
        image: `${REGISTRY}/${name}-${component}:${tag}`,
        essential: true,
        ...(checked && { portMappings: [{ containerPort: 3030 }], healthCheck: CHECK }),
      },
    ],
  })
  const single = component === 'clickhouse' && { minimumHealthyPercent: 0, maximumPercent: 100 }
  await world.createService({
    cluster: name,
    serviceName: `${name}-${component}`,
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
}

const CHECK = { command: ['CMD-SHELL', 'curl -f http://localhost:3030/'], interval: 10, startPeriod: 300 }

/**
 * `spread` from 0 to 1: App Runner's update takes two minutes and up to 65 s more until the web answers. A slow success
 * of three minutes waits for the new worker to be healthy, and then for the old one to end.
 */
function imagesOf(kind: Kind, spread: number): Readonly<Record<string, Readonly<Record<string, Program>>>> {
  const log = ['Error: SALT is missing']
  // It ends before it is healthy, and before ECS believes a task that has no health check.
  const dies: Program = { kind: 'scripted', startSeconds: 60, exitAfter: 2 + 13 * spread, exitCode: 1, log }
  const runs: Program = { kind: 'scripted' }
  const workers = {
    success: { [FROM]: runs, [TO]: { ...runs, startSeconds: 1 } },
    'slow success': { [FROM]: site(FROM, 0, 5 + 20 * spread), [TO]: site(TO, 120 + 20 * ((7 * spread) % 1)) },
    'worker that dies': { [FROM]: runs, [TO]: dies },
    'web that dies': { [FROM]: runs, [TO]: runs },
  }
  return {
    clickhouse: { '24.12.3': runs },
    worker: workers[kind],
    web: {
      [FROM]: site(FROM, 0),
      [TO]: kind === 'web that dies' ? dies : site(TO, 65 * spread),
    },
  }
}

/** Answers as Langfuse's health endpoint does, after its start; ends as long after it was told to. */
function site(version: string, startSeconds: number, stopSeconds = 0): Program {
  const script = `const [host, port] = process.env.SANDBOX_LISTEN.split(':')
    const answer = JSON.stringify({ status: 'OK', version: '${version}' })
    const server = require('node:http').createServer((_, response) => response.end(answer))
    setTimeout(() => server.listen(Number(port), host), ${Math.round(startSeconds * 1_000)})
    process.on('SIGTERM', () => setTimeout(() => process.exit(0), ${Math.round(stopSeconds * 1_000)}))`
  return { kind: 'command', command: ['node', '-e', script] }
}

function report(rollouts: readonly Rollout[]): void {
  const rows = (['success', 'failure'] as const).flatMap(ending =>
    (['ECS', 'App Runner', undefined] as const).map(on => {
      const group = rollouts.filter(rollout => rollout.ending === ending)
      const wanted = on === undefined ? group : group.filter(rollout => rollout.on === on)
      return row(`${ending}, ${on ?? 'both'}`, wanted)
    }),
  )
  say(['', 'seen after AWS’s own state', ...rows].join('\n'))
  const threeMinutes = rollouts.filter(({ took }) => took >= 165_000 && took <= 195_000)
  for (const on of ['ECS', 'App Runner'] as const)
    for (const ending of ['success', 'failure'] as const) {
      const group = threeMinutes.filter(rollout => rollout.on === on && rollout.ending === ending)
      const calls = group.map(rollout => rollout.calls)
      if (calls.length > 0)
        say(
          `calls of a three-minute ${ending}, ${on}: median ${quantile(calls, 0.5)}, most ${Math.max(...calls)} (${calls.length} of 165 to 195 s)`,
        )
    }
}

function row(title: string, group: readonly Rollout[]): string {
  const delays = group.map(({ delay }) => delay / 1_000)
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
  const [median, p95, most] = [0.5, 0.95, 1].map(part => quantile(delays, part).toFixed(2))
  const took = group.map(rollout => rollout.took / 1_000)
  return `${title.padEnd(20)} n ${String(group.length).padStart(2)}  mean ${mean.toFixed(2)} s  median ${median} s  p95 ${p95} s  most ${most} s  (AWS took ${quantile(took, 0).toFixed(0)} to ${quantile(took, 1).toFixed(0)} s)`
}

/** The smallest value that `part` of all values do not exceed. */
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}

await bench()
