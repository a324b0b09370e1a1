import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { Program, PushedImage } from '../../sandbox/aws/images.ts'
import { isObject, type JsonObject } from '../../sandbox/aws/json.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/sandbox.ts'

/** A sandbox of its own for one test; its folder goes with it. */
export async function withSandbox(
  options: Partial<SandboxOptions>,
  use: (sandbox: Sandbox) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-aws-'))
  const sandbox = await startSandbox({ folder, speed: 400, ...options })
  try {
    await use(sandbox)
  } finally {
    await sandbox.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Sends one operation over the wire, as a client without an SDK would. */
export async function send(sandbox: Sandbox, operation: string, input: JsonObject = {}): Promise<Sent> {
  const response = await fetch(sandbox.endpoint, {
    method: 'POST',
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=AKIA/20261122/ap-northeast-1/x/aws4_request',
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': operation,
    },
    body: JSON.stringify(input),
  })
  const body: unknown = await response.json()
  return { status: response.status, body: isObject(body) ? body : {} }
}

export type Sent = { readonly status: number; readonly body: JsonObject }

export const ECS = 'AmazonEC2ContainerServiceV20141113'

/** Asks again until `done` says so; fails after `seconds` of real time with what was seen last. */
export async function until<T>(
  ask: () => T | Promise<T>,
  done: (seen: T) => boolean,
  seconds = 20,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const seen = await ask()
    if (done(seen)) return seen
    if (Date.now() > deadline)
      throw new Error(`Not so after ${seconds} s: ${JSON.stringify(seen, undefined, 1)}`)
    await new Promise(resolve => setTimeout(resolve, 15))
  }
}

export const IMAGE = `${REGISTRY}/app`

export function push(sandbox: Sandbox, tag: string, program: Program, more: Partial<PushedImage> = {}) {
  return sandbox.world.pushImage({ repository: 'app', tags: [tag], program, ...more })
}

export const NETWORK = {
  awsvpcConfiguration: { subnets: ['subnet-0aaa'], securityGroups: ['sg-0bbb'], assignPublicIp: 'DISABLED' },
}

/** A Fargate task definition of one container; `container` and `task` replace members. */
export function definition(tag: string, container: JsonObject = {}, task: JsonObject = {}): JsonObject {
  return {
    family: 'app',
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
    runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
    containerDefinitions: [
      {
        name: 'app',
        image: `${IMAGE}:${tag}`,
        essential: true,
        portMappings: [{ containerPort: 8123 }],
        ...container,
      },
    ],
    ...task,
  }
}

export const HEALTH = {
  command: ['CMD-SHELL', 'wget --spider http://localhost:8123/ping || exit 1'],
  interval: 5,
  timeout: 5,
  retries: 3,
  startPeriod: 1,
}

/** The service as DescribeServices shows it. */
export async function service(sandbox: Sandbox, name = 'app'): Promise<ServiceView> {
  const answer = await sandbox.world.call('ecs', 'DescribeServices', { cluster: 'c', services: [name] })
  const [found] = answer.services as ServiceView[]
  if (!found) throw new Error(`no service ${name}`)
  return found
}

export type ServiceView = {
  readonly taskDefinition: string
  readonly runningCount: number
  readonly pendingCount: number
  readonly desiredCount: number
  readonly deployments: readonly {
    readonly id: string
    readonly status: string
    readonly taskDefinition: string
    readonly rolloutState: string
    readonly rolloutStateReason: string
    readonly failedTasks: number
    readonly runningCount: number
  }[]
  readonly events: readonly { readonly message: string }[]
}

export const isSteady = (seen: ServiceView) =>
  seen.deployments.length === 1 && seen.deployments[0]?.rolloutState === 'COMPLETED'

export async function tasks(sandbox: Sandbox): Promise<readonly TaskView[]> {
  const statuses = ['RUNNING', 'STOPPED']
  const lists = await Promise.all(
    statuses.map(desiredStatus => sandbox.world.call('ecs', 'ListTasks', { cluster: 'c', desiredStatus })),
  )
  const arns = lists.flatMap(list => list.taskArns as string[])
  if (arns.length === 0) return []
  const answer = await sandbox.world.call('ecs', 'DescribeTasks', { cluster: 'c', tasks: arns })
  return answer.tasks as TaskView[]
}

export type TaskView = {
  readonly taskArn: string
  readonly lastStatus: string
  readonly stopCode?: string
  readonly stoppedReason?: string
  readonly taskDefinitionArn: string
  readonly containers: readonly {
    readonly exitCode?: number
    readonly reason?: string
    readonly imageDigest?: string
  }[]
  readonly attachments: readonly {
    readonly details: readonly { readonly name: string; readonly value: string }[]
  }[]
}

/** A cluster for `world.rds.createCluster`. */
export const DATABASE = {
  identifier: 'db',
  endpoint: 'db.cluster-c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com',
  engineVersion: '15.6',
  databaseName: 'langfuse',
  masterUsername: 'langfuse',
  instances: ['db-1'],
  subnetGroup: 'db',
  securityGroups: ['sg-0ddd'],
  backupRetentionDays: 1,
}
