import { expect, test } from '@jest/globals'
import { ecsRestores, restoringNow, stillInProgress } from '../../src/execute/own-rollback.ts'
import type {
  AppRunnerOperation,
  Cloud,
  EcsDeployment,
  EcsService,
  ServiceDeployment,
} from '../../src/ports/cloud.ts'
import { ecsService, stackOn2 } from '../support/stack.ts'

const [STEADY] = ecsService('langfuse_worker').deployments

function deployment(over: Partial<EcsDeployment>): EcsDeployment {
  if (STEADY === undefined) throw new Error('no deployment')
  return { ...STEADY, rolloutState: 'IN_PROGRESS', ...over }
}

function service(deployments: readonly EcsDeployment[], over: Partial<EcsService> = {}): EcsService {
  return ecsService('langfuse_worker', { deployments, serviceDeployment: 'arn:of:it', ...over })
}

/** ECS with one worker; its service deployment has the given status, or may not be read. */
function cloudWith(
  worker: EcsService,
  status: string | undefined,
  others: readonly EcsService[] = [],
  operations: readonly AppRunnerOperation[] = [],
): Cloud {
  const detail = status === undefined ? undefined : ({ status } as ServiceDeployment)
  const ecs = { services: async () => [worker, ...others], serviceDeployment: async () => detail }
  return { ecs, appRunner: { operations: async () => operations } } as unknown as Cloud
}

const ours = deployment({
  id: 'ecs-svc/2',
  runningCount: 0,
  failedTasks: 3,
  status: 'ACTIVE',
  rolloutState: 'FAILED',
})
const back = deployment({
  rolloutStateReason: 'ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.',
})

test.each([
  ['a steady service', [deployment({ rolloutState: 'COMPLETED' })], 'SUCCESSFUL', undefined],
  ['a rollout of somebody', [deployment({ id: 'ecs-svc/2' })], 'IN_PROGRESS', undefined],
  [
    'a rollback that the service names',
    [back, ours],
    undefined,
    /rolling langfuse_worker back to deployment ecs-svc\/1/,
  ],
  [
    'a rollback that only the service deployment shows',
    [deployment({})],
    'ROLLBACK_IN_PROGRESS',
    /ROLLBACK_IN_PROGRESS/,
  ],
  [
    'a stop that was just asked for',
    [deployment({ id: 'ecs-svc/2' })],
    'ROLLBACK_REQUESTED',
    /rolling langfuse_worker back \(ROLLBACK_REQUESTED\)/,
  ],
  [
    'a new deployment in place of a failed one',
    [deployment({ id: 'ecs-svc/3' }), ours],
    'IN_PROGRESS',
    undefined,
  ],
  ['a deployment that ECS gave up', [deployment({ rolloutState: 'FAILED' })], 'STOPPED', undefined],
  [
    'a rollback whose last failed task still runs',
    [deployment({ rolloutState: 'COMPLETED' }), deployment({ id: 'ecs-svc/2', status: 'ACTIVE' })],
    'ROLLBACK_SUCCESSFUL',
    /stopping the last tasks of an older deployment/,
  ],
] as const)('%s', async (_what, deployments, status, note) => {
  const worker = service(deployments)
  const cloud = cloudWith(worker, status)
  const seen = await ecsRestores(worker, cloud)
  expect(seen).toEqual(note === undefined ? undefined : expect.stringMatching(note))
  expect((await restoringNow(stackOn2(), cloud)).map(({ component }) => component)).toEqual(
    note === undefined ? [] : ['worker'],
  )
})

test('an event of an earlier rollback to the same deployment means nothing once that is complete', async () => {
  const events = [{ at: 1, message: '(service x) rolling back to deployment ecs-svc/1.' }]
  expect(
    await ecsRestores(
      service([deployment({ rolloutState: 'COMPLETED' })], { events }),
      cloudWith(service([]), undefined),
    ),
  ).toBeUndefined()
  expect(
    await ecsRestores(service([deployment({}), ours], { events }), cloudWith(service([]), undefined)),
  ).toMatch(/rolling/)
})

test('what is still in progress: a rollback, a service that restarts for ever, and an operation of App Runner', async () => {
  const operation = { id: 'op-1', type: 'UPDATE_SERVICE', status: 'ROLLBACK_IN_PROGRESS' }
  const restarting = deployment({ id: 'ecs-svc/7', failedTasks: 9, runningCount: 0 })
  const clickhouse = ecsService('clickhouse', { deployments: [restarting] })
  // The stack is the one from before: only what AWS says now counts.
  const cloud = cloudWith(service([back, ours]), undefined, [clickhouse], [operation])
  expect(await stillInProgress(stackOn2(), cloud)).toEqual([
    'worker (ECS is rolling langfuse_worker back to deployment ecs-svc/1)',
    'ClickHouse (ECS keeps restarting deployment ecs-svc/7 of clickhouse, 9 tasks failed)',
    'web (App Runner operation op-1 is ROLLBACK_IN_PROGRESS)',
  ])
  const steady = service([deployment({ rolloutState: 'COMPLETED' })])
  expect(await stillInProgress(stackOn2(), cloudWith(steady, undefined))).toEqual([])
})
