import type { Cloud, EcsDeployment, EcsService, ServiceDeployment } from '../../src/ports/cloud.ts'
import type { Clock } from '../../src/ports/runner.ts'
import { jumpingClock } from './execution.ts'
import { ecsService } from './stack.ts'

/** One rollout of one task as ECS shows it, `second` by second. */
export type Timeline = {
  /** Seconds after the update. */
  readonly end: number
  readonly at: (second: number) => Moment
}

export type Moment = {
  readonly running: number
  readonly pending: number
  readonly older: number
  readonly failures: number
  readonly status: string
}

/** The new task runs, after its health check the older one is told to stop, and when that has ended it is over. */
export function succeeding(seconds: { runs: number; healthy: number; stopped: number }): Timeline {
  const replaced = seconds.runs + seconds.healthy
  const end = replaced + seconds.stopped
  return {
    end,
    at: second => ({
      running: second >= seconds.runs ? 1 : 0,
      pending: second >= seconds.runs ? 0 : 1,
      older: second >= replaced ? 0 : 1,
      failures: 0,
      status: second >= end ? 'SUCCESSFUL' : 'IN_PROGRESS',
    }),
  }
}

/**
 * Three tasks die, each at the same age; ECS counts a dead one a second later, and waits half a minute and then a
 * whole one before it starts the next.
 */
export function failing(seconds: { age: number; running: number }): Timeline {
  const starts = [0, seconds.age + 30, 2 * seconds.age + 90]
  const end = 3 * seconds.age + 91
  return {
    end,
    at: second => {
      const attempt = starts.findLastIndex(start => start <= second)
      const age = second - (starts[attempt] ?? 0)
      const alive = age < seconds.age
      const running = alive && age >= seconds.age - seconds.running ? 1 : 0
      return {
        running,
        pending: alive ? 1 - running : 0,
        older: 1,
        failures: age < seconds.age + 1 ? attempt : attempt + 1,
        status: second >= end ? 'ROLLBACK_IN_PROGRESS' : 'IN_PROGRESS',
      }
    },
  }
}

export type World = {
  readonly cloud: Partial<Cloud>
  readonly clock: Clock
  /** When each call was made, in seconds after the update. */
  readonly calls: readonly { readonly operation: string; readonly second: number }[]
}

/** An ECS that follows a timeline; every call takes 40 ms. `denied`: IAM allows no DescribeServiceDeployments. */
export function ecsThatRolls(
  timeline: Timeline,
  over: { random?: () => number; denied?: boolean } = {},
): World {
  const begun = Date.UTC(2026, 10, 22)
  const ticking = jumpingClock(begun)
  const clock = { ...ticking, random: over.random ?? ticking.random }
  const calls: { operation: string; second: number }[] = []
  const answer = async <Value>(operation: string, tell: (moment: Moment) => Value) => {
    await clock.sleep(40, new AbortController().signal)
    const second = (clock.now() - begun) / 1_000
    calls.push({ operation, second })
    return tell(timeline.at(second))
  }
  const ecs = {
    service: () => answer('DescribeServices', serviceAt),
    serviceDeployment: () =>
      answer('DescribeServiceDeployments', moment => (over.denied === true ? undefined : detailAt(moment))),
    tasks: async () => [],
  }
  return { cloud: { ecs } as unknown as Partial<Cloud>, clock, calls }
}

export const ROLLOUT = { deploymentId: 'ecs-svc/2', taskDefinition: 'arn:task-definition/worker:2' }

function serviceAt({ running, pending, older, failures, status }: Moment): EcsService {
  const open = status === 'IN_PROGRESS'
  const ours = deployment({
    id: ROLLOUT.deploymentId,
    taskDefinition: ROLLOUT.taskDefinition,
    rolloutState: open ? 'IN_PROGRESS' : status === 'SUCCESSFUL' ? 'COMPLETED' : 'FAILED',
    runningCount: running,
    failedTasks: failures,
  })
  const before = deployment({ id: 'ecs-svc/1', status: 'ACTIVE', runningCount: older })
  return ecsService('worker', {
    taskDefinition: ROLLOUT.taskDefinition,
    deployments: status === 'SUCCESSFUL' ? [ours] : [ours, before],
    pendingCount: pending,
    settings: {
      minimumHealthyPercent: 100,
      maximumPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
    },
    serviceDeployment: open ? 'arn:service-deployment' : undefined,
  })
}

function deployment(over: Partial<EcsDeployment>): EcsDeployment {
  return {
    id: 'ecs-svc/1',
    status: 'PRIMARY',
    rolloutState: 'COMPLETED',
    rolloutStateReason: undefined,
    taskDefinition: 'arn:task-definition/worker:1',
    desiredCount: 1,
    runningCount: 1,
    failedTasks: 0,
    ...over,
  }
}

function detailAt({ running, pending, older, failures, status }: Moment): ServiceDeployment {
  return {
    arn: 'arn:service-deployment',
    status,
    statusReason: 'the circuit breaker threshold was exceeded',
    tasks: { wanted: 1, running, pending },
    olderRunning: older,
    breaker: { status: 'MONITORING', failures, threshold: 3 },
  }
}
