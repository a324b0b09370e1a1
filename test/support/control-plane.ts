import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCloud } from '../../src/adapters/aws.ts'
import type { Execution } from '../../src/execute/execution.ts'
import { rollAppRunner } from '../../src/execute/roll-app-runner.ts'
import { rollEcs } from '../../src/execute/roll-ecs.ts'
import type { RollAppRunner, RollEcs } from '../../src/plan/plan.ts'
import type { Clock } from '../../src/ports/runner.ts'
import type { AppRunnerWeb } from '../../src/stack/stack.ts'
import { executionOf } from './execution.ts'
import { appRunnerService, DIGEST, ecsService, REGISTRY, stackOn2 } from './stack.ts'

/**
 * The smallest AWS that a rollout needs, over HTTP: services, their deployments, operations and tasks. It knows no
 * stages: a rollout is in progress until it ends at the given time.
 */
export type FakeRollout = {
  readonly platform: 'ECS' | 'ECS Express' | 'App Runner'
  readonly seconds: number
  readonly ending: 'success' | 'rollback' | 'failure'
  /** Whether ECS names the service deployment. */
  readonly stages?: boolean
  /** What the service deployment has as its status, whatever the service shows. */
  readonly detail?: string
  /** Seconds after the end at which ECS reports the digest of the tasks; App Runner the new image. */
  readonly evidenceAfter?: number
  /** How often ECS does not know the new task definition. */
  readonly unknown?: number
  /** Tasks of the old task definition stay and report no digest. */
  readonly leftover?: boolean
  /** The PRIMARY deployment stays on the old task definition. */
  readonly unchanged?: boolean
}

export type Measured = {
  readonly problem: string | undefined
  readonly sentence: string | undefined
  /** Seconds from the end on the control plane to the result. */
  readonly late: number
  /** From the update to the result. */
  readonly took: number
  readonly calls: readonly string[]
}

export type ControlPlane = {
  /** Runs the step of a rollout against the control plane. */
  measure(rollout: FakeRollout, clock: Clock): Promise<Measured>
  stop(): void
}

const IMAGE = `${REGISTRY}/langfuse@${DIGEST.web3}`

/** Several rollouts may run side by side: each has services of its own, and every call carries their name. */
export async function startControlPlane(): Promise<ControlPlane> {
  const planes = new Map<string, (operation: string) => object>()
  const server = createServer(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? ''
    let body = ''
    for await (const chunk of request) body += chunk
    try {
      const plane = planes.get(/\brollout-\d+\b/.exec(body)?.[0] ?? '')
      response.end(JSON.stringify(plane?.(operation)))
    } catch (error) {
      response.statusCode = 400
      response.end(JSON.stringify({ __type: 'ClientException', message: String(error) }))
    }
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const endpoint = { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }
  Object.assign(process.env, endpoint, { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' })
  const cloud = createCloud('ap-northeast-1')
  return {
    async measure(rollout, clock) {
      const name = `rollout-${planes.size}`
      const plane = planeOf(rollout, name, clock.now)
      planes.set(name, plane.answer)
      const { step, execution } = planned(rollout, name, { cloud, clock })
      const work = step.kind === 'roll-ecs' ? rollEcs(step, execution) : rollAppRunner(step, execution)
      const ended = await work.then(
        ({ sentence }) => ({ sentence, problem: undefined }),
        error => ({ sentence: undefined, problem: String(error) }),
      )
      const took = (clock.now() - plane.begun()) / 1_000
      return { ...ended, took, late: took - rollout.seconds, calls: plane.calls }
    },
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function planned(
  { platform }: FakeRollout,
  name: string,
  ports: Pick<Execution, 'cloud' | 'clock'>,
): { readonly step: RollEcs | RollAppRunner; readonly execution: Execution } {
  const { worker: before, ...stack } = stackOn2()
  const source = { taskDefinition: { family: name, containerDefinitions: [] } }
  const service = ecsService(name)
  const worker = { ...before, service, taskDefinition: { ...before.taskDefinition, source } }
  const express = { arn: service.arn, url: undefined, container: {} }
  const plain = { environment: {}, secrets: {} }
  const web =
    platform === 'ECS Express'
      ? ({ ...worker, ...plain, component: 'web', platform: 'ecs-express', express } as const)
      : ({
          ...stack.web,
          platform: 'app-runner',
          service: appRunnerService({ arn: name, source: { ImageRepository: {} } }),
        } as AppRunnerWeb)
  const execution = executionOf([], ports.cloud, { ...ports, stack: { ...stack, worker, web } })
  const common = { service: name, from: IMAGE, to: IMAGE, follow: undefined, reason: '' }
  const component = platform === 'ECS' ? 'worker' : 'web'
  return platform === 'App Runner'
    ? { execution, step: { ...common, kind: 'roll-app-runner', component: 'web' } }
    : { execution, step: { ...common, kind: 'roll-ecs', component, settings: undefined } }
}

function planeOf(rollout: FakeRollout, name: string, now: () => number) {
  const calls: string[] = []
  let begunAt: number | undefined
  let unknown = rollout.unknown ?? 0
  const view = () => stateOf(rollout, name, begunAt === undefined ? undefined : (now() - begunAt) / 1_000)
  const begin = <Answer>(answer: () => Answer) => {
    if (unknown-- > 0) throw new Error('TaskDefinition not found.')
    begunAt = now()
    return answer()
  }
  const answers: Readonly<Record<string, () => object>> = {
    RegisterTaskDefinition: () => ({ taskDefinition: { taskDefinitionArn: revision(name, 2) } }),
    UpdateService: () => begin(() => ({ OperationId: 'ours', service: view().service })),
    UpdateExpressGatewayService: () => begin(() => ({})),
    DescribeServices: () => ({ services: [view().service] }),
    DescribeServiceDeployments: () => ({ serviceDeployments: [view().detail] }),
    ListTasks: () => ({ taskArns: view().tasks.map(task => task.taskArn) }),
    DescribeTasks: () => ({ tasks: view().tasks }),
    ListOperations: () => ({ OperationSummaryList: [view().operation] }),
    DescribeService: () => ({ Service: view().appRunner }),
  }
  const answer = (operation: string) => {
    calls.push(operation)
    // Logs and other services have nothing to say.
    return answers[operation]?.() ?? {}
  }
  return { answer, calls, begun: () => begunAt ?? now() }
}

function revision(name: string, number: number): string {
  return ecsService(name).taskDefinition.replace(/1$/, String(number))
}

/** What AWS shows so many seconds after the update; undefined: before it. */
function stateOf(rollout: FakeRollout, name: string, second: number | undefined) {
  const { ending, seconds, stages, evidenceAfter = 0, leftover, unchanged } = rollout
  const begun = second !== undefined
  const over = begun && second >= seconds
  const good = over && ending === 'success'
  const proven = good && second >= seconds + evidenceAfter
  const shown = revision(name, unchanged === true ? 1 : 2)
  const old = revision(name, 1)
  const replaced = over && ending === 'rollback'
  const ours = deployment('ecs-svc/2', shown, {
    rolloutState: good ? 'COMPLETED' : over ? 'FAILED' : 'IN_PROGRESS',
    status: replaced ? 'INACTIVE' : 'PRIMARY',
    runningCount: good ? 1 : 0,
  })
  const before = deployment('ecs-svc/1', old, { status: begun && !replaced ? 'ACTIVE' : 'PRIMARY' })
  const named = stages !== false && begun && !over
  return {
    service: {
      ...{ serviceName: name, serviceArn: ecsService(name).arn, status: 'ACTIVE', desiredCount: 1 },
      deployments: [...(begun ? [ours] : []), ...(good ? [] : [before])],
      taskDefinition: begun ? shown : old,
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
      ...(named && { currentServiceDeployment: `${name}/deployment` }),
    },
    detail: {
      status:
        rollout.detail ??
        (good ? 'SUCCESSFUL' : replaced ? 'ROLLBACK_IN_PROGRESS' : over ? 'STOPPED' : 'IN_PROGRESS'),
    },
    tasks: [
      task(`${name}/new`, revision(name, 2), proven ? DIGEST.web3 : undefined),
      ...(leftover === true ? [task(`${name}/old`, old, undefined)] : []),
    ],
    operation: {
      Id: 'ours',
      Type: 'UPDATE_SERVICE',
      Status: good ? 'SUCCEEDED' : replaced ? 'ROLLBACK_IN_PROGRESS' : over ? 'FAILED' : 'IN_PROGRESS',
    },
    appRunner: {
      Status: proven ? 'RUNNING' : 'OPERATION_IN_PROGRESS',
      SourceConfiguration: { ImageRepository: { ImageIdentifier: proven ? IMAGE : 'the old image' } },
    },
  }
}

function deployment(id: string, taskDefinition: string, over: object) {
  const done = { status: 'PRIMARY', rolloutState: 'COMPLETED', rolloutStateReason: 'tasks failed to start.' }
  return { id, taskDefinition, desiredCount: 1, runningCount: 1, failedTasks: 0, ...done, ...over }
}

function task(taskArn: string, taskDefinitionArn: string, imageDigest: string | undefined) {
  return { taskArn, taskDefinitionArn, lastStatus: 'RUNNING', containers: [{ name: 'worker', imageDigest }] }
}
