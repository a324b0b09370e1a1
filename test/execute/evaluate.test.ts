import { expect, test } from '@jest/globals'
import { evaluateAppRunner, evaluateEcs, withReason } from '../../src/execute/evaluate.ts'
import type { EcsDeployment, EcsService, ServiceDeployment } from '../../src/ports/cloud.ts'
import { ecsService } from '../support/stack.ts'

const NEW = 'arn:task-definition/worker:2'
const OLD = 'arn:task-definition/worker:1'

function deployment(over: Partial<EcsDeployment>): EcsDeployment {
  return {
    id: 'ecs-svc/2',
    status: 'PRIMARY',
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: undefined,
    taskDefinition: NEW,
    desiredCount: 1,
    runningCount: 0,
    failedTasks: 0,
    ...over,
  }
}

const old = (over: Partial<EcsDeployment> = {}) =>
  deployment({
    id: 'ecs-svc/1',
    status: 'ACTIVE',
    rolloutState: 'COMPLETED',
    taskDefinition: OLD,
    runningCount: 1,
    ...over,
  })

const service = (deployments: readonly EcsDeployment[], over: Partial<EcsService> = {}) =>
  ecsService('worker', { taskDefinition: NEW, deployments, ...over })

const evaluate = (seen: EcsService, detail?: ServiceDeployment) =>
  withReason(evaluateEcs(seen, { deploymentId: 'ecs-svc/2', taskDefinition: NEW }), detail)

const detail = (status: string): ServiceDeployment => ({ status, statusReason: 'because' })

test('completed, alone and running all its tasks: success', () => {
  expect(evaluate(service([deployment({ rolloutState: 'COMPLETED', runningCount: 1 })]))).toEqual({
    verdict: 'succeeded',
  })
})

test.each<readonly [string, EcsService]>([
  ['still in progress', service([deployment({ runningCount: 1 }), old()])],
  [
    'completed while the old tasks drain',
    service([deployment({ rolloutState: 'COMPLETED', runningCount: 1 }), old()]),
  ],
  [
    'completed with a task missing',
    service([deployment({ rolloutState: 'COMPLETED', desiredCount: 2, runningCount: 1 })]),
  ],
  ['a read that lags behind the update', service([deployment({})], { taskDefinition: OLD })],
  [
    'PRIMARY, alone and completed on the old task definition',
    service([deployment({ rolloutState: 'COMPLETED', runningCount: 1, taskDefinition: OLD })]),
  ],
])('%s: not yet', (_name, seen) => {
  expect(evaluate(seen).verdict).toBe('rolling')
})

test('the circuit breaker rolled back and the service is stable again: failed, not green', () => {
  const seen = service([old({ status: 'PRIMARY' })], {
    taskDefinition: OLD,
    events: [{ at: 1, message: '(service worker) rolling back to deployment ecs-svc/1.' }],
  })
  expect(evaluate(seen)).toMatchObject({ verdict: 'failed', ending: 'rolled-back' })
})

test('somebody else deployed meanwhile: superseded', () => {
  expect(
    evaluate(service([deployment({ id: 'ecs-svc/3', taskDefinition: 'arn:task-definition/worker:3' })])),
  ).toMatchObject({
    verdict: 'failed',
    ending: 'superseded',
  })
})

test('the deployment failed without a rollback: its reason is told', () => {
  const seen = service([
    deployment({ rolloutState: 'FAILED', rolloutStateReason: 'tasks failed to start.' }),
    old(),
  ])
  expect(evaluate(seen)).toMatchObject({
    ending: 'failed',
    sentence: expect.stringMatching(/tasks failed to start/),
  })
})

test.each(['ROLLBACK_REQUESTED', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_SUCCESSFUL', 'ROLLBACK_FAILED'])(
  '%s: rolled back',
  status => {
    expect(evaluate(service([deployment({})]), detail(status))).toMatchObject({
      verdict: 'failed',
      ending: 'rolled-back',
    })
  },
)

test('a rollback that a person asked for names that person, because ECS gives no reason yet', () => {
  expect(evaluate(service([deployment({})]), detail('ROLLBACK_REQUESTED'))).toMatchObject({
    sentence: 'someone asked ECS to roll the deployment back (ROLLBACK_REQUESTED)',
  })
})

test.each(['STOP_REQUESTED', 'STOPPED'])('%s: someone stopped it', status => {
  expect(evaluate(service([deployment({})]), detail(status))).toMatchObject({
    verdict: 'failed',
    ending: 'stopped',
  })
})

test('somebody else deployed meanwhile, which has ECS call ours STOPPED: superseded, not stopped', () => {
  const seen = service([
    deployment({ id: 'ecs-svc/3', taskDefinition: 'arn:task-definition/worker:3' }),
    deployment({ status: 'ACTIVE' }),
  ])
  expect(evaluate(seen, detail('STOPPED'))).toMatchObject({ verdict: 'failed', ending: 'superseded' })
})

test('without a circuit breaker three dead tasks and none alive are the end', () => {
  expect(evaluate(service([deployment({ failedTasks: 2 }), old()])).verdict).toBe('rolling')
  expect(evaluate(service([deployment({ failedTasks: 3 }), old()]))).toMatchObject({
    verdict: 'failed',
    ending: 'stuck',
  })
})

test('with a circuit breaker ECS decides when it is the end', () => {
  const settings = {
    minimumHealthyPercent: 100,
    maximumPercent: 200,
    circuitBreaker: { enable: true, rollback: true },
  }
  expect(evaluate(service([deployment({ failedTasks: 3 }), old()], { settings })).verdict).toBe('rolling')
})

const operation = (status: string) => ({ id: 'op', type: 'UPDATE_SERVICE', status })

test('App Runner: an operation that is not listed yet, or runs, is no verdict', () => {
  for (const seen of [undefined, operation('PENDING'), operation('IN_PROGRESS')])
    expect(evaluateAppRunner(seen, shows('new'), 'new').verdict).toBe('rolling')
})

const shows = (image: string, status = 'RUNNING') => ({ image, status })

test('App Runner: a success counts only with the image that was asked for, on a service that is RUNNING', () => {
  // DescribeService lags behind ListOperations.
  const late = shows('new', 'OPERATION_IN_PROGRESS')
  expect(evaluateAppRunner(operation('SUCCEEDED'), late, 'new')).toMatchObject({ stale: true })
  expect(evaluateAppRunner(operation('SUCCEEDED'), shows('new'), 'new')).toEqual({ verdict: 'succeeded' })
  expect(evaluateAppRunner(operation('SUCCEEDED'), shows('other'), 'new')).toMatchObject({ stale: true })
})

test('App Runner: RUNNING after a rollback is a failure', () => {
  for (const status of ['ROLLBACK_IN_PROGRESS', 'ROLLBACK_SUCCEEDED', 'ROLLBACK_FAILED'])
    expect(evaluateAppRunner(operation(status), shows('old'), 'new')).toMatchObject({ ending: 'rolled-back' })
  expect(evaluateAppRunner(operation('FAILED'), shows('old'), 'new')).toMatchObject({ ending: 'failed' })
})
