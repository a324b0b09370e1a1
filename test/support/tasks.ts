import type { Cloud, DerivedTask, EcsTask, TaskRequest } from '../../src/ports/cloud.ts'
import type { Clock } from '../../src/ports/runner.ts'

/** What the image does in a task: lines with the second (after its start) at which they come, then its exit code. */
export type Script = {
  readonly log: readonly (readonly [second: number, line: string])[]
  readonly exitCode: number | undefined
  readonly seconds: number
  /** What stops the task before its image runs. */
  readonly stoppedReason?: string
  /** What the image leaves in the databases when it ends well. */
  readonly effect?: () => void
}

type Life = {
  readonly order: TaskRequest
  readonly startedAt: number
  readonly arn: string
  stoppedAt?: number
}

const STARTS_AFTER = 30_000

/** The part of ECS and CloudWatch Logs in which one-off tasks live, in memory and in virtual time. */
export function taskWorld(clock: Clock, script: Script) {
  const definitions = new Map<string, DerivedTask & { active: boolean }>()
  const lives: Life[] = []
  const tokens = new Map<string, Life>()
  let effectDone = false

  const age = (life: Life) => clock.now() - life.startedAt
  const endOf = (life: Life) => life.stoppedAt ?? life.startedAt + STARTS_AFTER + script.seconds * 1_000
  const statusOf = (life: Life) => {
    if (clock.now() >= endOf(life)) return 'STOPPED'
    return age(life) < STARTS_AFTER ? 'PENDING' : 'RUNNING'
  }
  const view = (life: Life): EcsTask => {
    const lastStatus = statusOf(life)
    const stopped = lastStatus === 'STOPPED'
    if (stopped && script.exitCode === 0 && life.stoppedAt === undefined && !effectDone) {
      effectDone = true
      script.effect?.()
    }
    const { order } = life
    return {
      arn: life.arn,
      id: life.arn.slice(life.arn.lastIndexOf('/') + 1),
      taskDefinition: order.taskDefinition,
      lastStatus,
      healthStatus: 'UNKNOWN',
      address: undefined,
      subnet: order.subnets[0],
      startedBy: order.startedBy,
      stopCode: stopped ? 'EssentialContainerExited' : undefined,
      stoppedReason: stopped ? (script.stoppedReason ?? 'Essential container in task exited') : undefined,
      containers: [
        {
          name: 'migrate',
          image: definitions.get(order.taskDefinition)?.image ?? '',
          digest: undefined,
          exitCode: stopped ? (life.stoppedAt === undefined ? script.exitCode : 143) : undefined,
          reason: undefined,
        },
      ],
    }
  }
  const start = (order: TaskRequest): Life => {
    const life = {
      order,
      startedAt: clock.now(),
      arn: `arn:aws:ecs:x:1:task/langfuse/task-${lives.length + 1}`,
    }
    lives.push(life)
    return life
  }
  const linesOf = (stream: string) => {
    const life = lives.find(item => stream.endsWith(item.arn.slice(item.arn.lastIndexOf('/'))))
    if (life === undefined || age(life) < STARTS_AFTER) return []
    const until = Math.min(clock.now(), endOf(life)) - life.startedAt - STARTS_AFTER
    return script.log.filter(([second]) => second * 1_000 <= until).map(([, line]) => line)
  }
  const find = (arn: string) => lives.find(life => life.arn === arn)

  const ecs: Partial<Cloud['ecs']> = {
    registerDerived: async (_base, derived) => {
      const arn = `arn:aws:ecs:x:1:task-definition/${derived.family}:${definitions.size + 1}`
      definitions.set(arn, { ...derived, active: true })
      return arn
    },
    deregister: async arn => {
      const found = definitions.get(arn)
      if (found === undefined) throw new Error('The specified task definition does not exist.')
      found.active = false
    },
    activeRevisions: async (family, tag) =>
      [...definitions]
        .filter(([, item]) => item.active && item.family === family && tag in item.tags)
        .map(([arn, item]) => ({ arn, tag: item.tags[tag] ?? '', registeredAt: undefined })),
    runTask: async order => {
      if (!definitions.get(order.taskDefinition)?.active) throw new Error('TaskDefinition is inactive')
      const life = tokens.get(order.clientToken) ?? start(order)
      tokens.set(order.clientToken, life)
      return view(life)
    },
    task: async (_cluster, arn) => {
      const life = find(arn)
      // ECS answers the first look after RunTask with MISSING now and then.
      return life === undefined || age(life) === 0 ? undefined : view(life)
    },
    stopTask: async (_cluster, arn) => {
      const life = find(arn)
      if (life !== undefined) life.stoppedAt ??= clock.now()
    },
    tasksStartedBy: async (_cluster, { startedBy }) =>
      lives
        .filter(life => life.order.startedBy === startedBy)
        .map(view)
        .filter(task => task.lastStatus !== 'STOPPED'),
  }
  const logs: Partial<Cloud['logs']> = {
    follow: async (_group, stream, position) => {
      const lines = linesOf(stream)
      return { lines: lines.slice(Number(position ?? 0)), position: String(lines.length) }
    },
  }
  return {
    cloud: { ecs, logs } as unknown as Cloud,
    definitions,
    tasks: () => lives.map(view),
    /** A task of an earlier run. */
    leave: (order: TaskRequest, derived: DerivedTask) => {
      definitions.set(order.taskDefinition, { ...derived, active: true })
      return view(start(order))
    },
  }
}
