import { REGISTRY } from './aws/ids.ts'
import type { Image, Program } from './aws/images.ts'
import { arrangeEcs } from './aws/outcomes.ts'
import { clickhouseClient } from './langfuse/clickhouse-http.ts'
import type { Stage } from './rehearse.ts'
import { backgroundIsOver, type Hop, ROUTE, withPostgres } from './route.ts'
import type { RunResult } from './runner.ts'
import { clickhouseAccess, compareSnapshots, type StackSnapshot, takeSnapshot } from './stack-snapshot.ts'

/** One failure at one step of one hop, and how it ended. */
export type Cell = {
  readonly hop: string
  readonly step: string
  readonly failure: string
  /** The plan's second line, without what a person does. */
  readonly said: string
  readonly outcome: string
  readonly ended:
    | 'back where it was'
    | 'stopped, as the plan said'
    | 'a person must repair, as the plan said'
    | 'elsewhere'
  /** What differs from the state before, where it ended elsewhere. */
  readonly details: readonly string[]
}

type Failure = {
  readonly step: string
  readonly what: string
  readonly inputs?: Readonly<Record<string, string>>
  /** Half a migration may stay. */
  readonly halfway?: true
  arrange(stage: Stage, hop: Hop): unknown
}

/**
 * Each hop with a failure at each of its steps, and then the hop itself. Ends on the route's last release.
 * @param only the target of the one hop that fails
 */
export async function failEverywhere(
  stage: Stage,
  told: (cell: Cell) => void,
  only?: string,
): Promise<readonly Cell[]> {
  const cells: Cell[] = []
  for (const hop of ROUTE) {
    const failures = only === undefined || only === hop.to ? failuresOf(hop) : []
    for (const failure of failures) {
      const cell = await failOnce(stage, hop, failure)
      cells.push(cell)
      told(cell)
    }
    const result = await stage.run('deploy', { version: hop.to, backup: 'false', ...hop.inputs })
    if (result.outputs['outcome'] !== 'deployed') throw new Error(`${hop.to}: ${result.stdout}`)
    await backgroundIsOver(stage)
  }
  return cells
}

function failuresOf(hop: Hop): readonly Failure[] {
  const clickhouse = hop.inputs['clickhouse-version']
  const all: readonly (Failure | undefined)[] = [
    {
      step: 'backup',
      what: 'the snapshot is denied',
      inputs: { backup: 'true' },
      arrange: ({ stack }) =>
        stack.sandbox.world.faults.add({
          operation: 'CreateDBClusterSnapshot',
          kind: 'access-denied',
          times: Number.POSITIVE_INFINITY,
        }),
    },
    {
      step: 'migrate',
      what: 'the task does not start',
      arrange: ({ stack }) =>
        stack.sandbox.world.taskFaults.add({
          family: 'langfuse-worker-migrate',
          stoppedReason: 'CannotPullContainerError: pull image manifest has been retried',
        }),
    },
    {
      step: 'migrate',
      what: 'the task is killed halfway',
      halfway: true,
      arrange: ({ stack }) =>
        stack.sandbox.world.taskFaults.add({ family: 'langfuse-worker-migrate', killedAfter: 8 }),
    },
    clickhouse === undefined
      ? undefined
      : {
          step: 'ClickHouse',
          what: 'the new one never starts',
          arrange: ({ stack }) =>
            failEcs(stack.sandbox.world, 'clickhouse', `clickhouse:${clickhouse}`, 'never-starts'),
        },
    {
      step: 'worker',
      what: 'it crashes, and the circuit breaker acts',
      arrange: ({ stack }) =>
        failEcs(stack.sandbox.world, 'langfuse_worker', `langfuse-worker:${hop.to}`, 'breaker-rolled-back'),
    },
    {
      step: 'web',
      what: 'it does not become healthy',
      arrange: stage => breakWeb(stage, hop.to),
    },
    {
      step: 'checks',
      what: 'the new web runs and does not answer',
      arrange: stage => breakWeb(stage, hop.to, { kind: 'scripted', startSeconds: 5 }),
    },
  ]
  return all.filter(failure => failure !== undefined)
}

const CRASHES: Program = { kind: 'scripted', exitAfter: 2, exitCode: 1, log: ['Error: SALT is not set'] }

type World = Stage['stack']['sandbox']['world']

function failEcs(
  world: World,
  service: string,
  image: string,
  outcome: 'never-starts' | 'breaker-rolled-back',
): Promise<unknown> {
  return arrangeEcs(world, { cluster: 'langfuse', service, image: `${REGISTRY}/${image}`, outcome })
}

/** The image migrates well in its task, and is another program as soon as App Runner starts it. */
function breakWeb({ stack }: Stage, release: string, program: Program = CRASHES): void {
  const { world } = stack.sandbox
  const end = world.onRequest(({ phase, service, operation }) => {
    if (phase !== 'before' || service !== 'apprunner' || operation !== 'UpdateService') return
    end()
    const reference = `${REGISTRY}/langfuse-web:${release}`
    const found = world.images.find(reference)
    if (!found.found) throw new Error(`${reference} is not pushed`)
    world.images.remove(reference)
    world.pushImage({ ...found.image, program })
  })
}

async function failOnce(stage: Stage, hop: Hop, failure: Failure): Promise<Cell> {
  const before = await snapshotOf(stage)
  const undoArrangement = keepArrangement(stage)
  await failure.arrange(stage, hop)
  const result = await stage.run('deploy', {
    version: hop.to,
    backup: 'false',
    ...hop.inputs,
    ...failure.inputs,
  })
  const after = await snapshotOf(stage)
  undoArrangement()
  const comparison = compareSnapshots(before, after)
  const cell = {
    hop: `${hop.from} → ${hop.to}`,
    step: failure.step,
    failure: failure.what,
    said: saidBy(result),
    outcome: result.outputs['outcome'] ?? '',
  }
  if (comparison.equal) return { ...cell, ended: 'back where it was', details: [] }
  await repair(stage, hop)
  const wrong = comparison.rows.filter(([, , , same]) => !same).map(row => row.slice(0, 3).join(' '))
  const ended = endOf({ result, before, after, failure })
  const details = ended === 'elsewhere' ? [...wrong, ...comparison.details, result.stdout] : []
  return { ...cell, ended, details }
}

/** A connection from before ClickHouse's restart is closed: asked again, it is a new one. */
async function snapshotOf(stage: Stage, attempts = 10): Promise<StackSnapshot> {
  try {
    return await takeSnapshot(stage.stack)
  } catch (error) {
    if (attempts === 1) throw error
    await new Promise(resolve => setTimeout(resolve, 500))
    return snapshotOf(stage, attempts - 1)
  }
}

function saidBy({ report }: RunResult): string {
  const { plan } = report as { plan?: { goesBack: { answer: string; because: string } } }
  return plan === undefined ? 'no plan' : `${plan.goesBack.answer}, because ${plan.goesBack.because}`
}

/** Where the plan says "no", every step that is done stays done, and nothing else changes. */
function endOf(run: {
  readonly result: RunResult
  readonly before: StackSnapshot
  readonly after: StackSnapshot
  readonly failure: Failure
}): Cell['ended'] {
  const { result, before, after, failure } = run
  if (result.outputs['outcome'] !== 'failed') return 'elsewhere'
  const { plan, steps } = result.report as {
    plan?: { goesBack: { answer: string; instead: string } }
    steps?: readonly { state: string; step: { kind: string; component?: string } }[]
  }
  if (failure.halfway && plan?.goesBack.instead.includes('halfway'))
    return 'a person must repair, as the plan said'
  const done = new Set(
    steps?.flatMap(({ state, step }) => (state === 'done' ? [step.component ?? step.kind] : [])),
  )
  const stays = (['web', 'worker', 'clickhouse'] as const).every(
    name => done.has(name) || failure.step === 'ClickHouse' || before.images[name] === after.images[name],
  )
  return plan?.goesBack.answer === 'no' && (done.has('migrate') || failure.halfway) && stays
    ? 'stopped, as the plan said'
    : 'elsewhere'
}

/** Images, faults and circuit breakers are as before the failure was arranged. */
function keepArrangement({ stack }: Stage): () => void {
  const { world } = stack.sandbox
  const images = new Map<string, readonly Image[]>(
    [...world.images.repositories.values()].map(repository => [repository.name, [...repository.images]]),
  )
  const services = [...(world.ecs.clusters.get('langfuse')?.services.values() ?? [])]
  const breakers = services.map(service => [service, service.deploymentConfiguration] as const)
  return () => {
    world.faults.clear()
    world.taskFaults.clear()
    for (const repository of world.images.repositories.values())
      repository.images = [...(images.get(repository.name) ?? [])]
    for (const [service, { deploymentCircuitBreaker }] of breakers)
      service.deploymentConfiguration = { ...service.deploymentConfiguration, deploymentCircuitBreaker }
  }
}

/** What the plan tells a person to do: the rollback action; half a migration that it cannot judge goes by hand. */
async function repair(stage: Stage, hop: Hop): Promise<void> {
  const inputs = { to: hop.from, accept: hop.to.startsWith('4.') ? 'restore' : 'lossy' }
  const first = await stage.run('rollback', inputs)
  if (isBack(first)) return
  await clearHalfAMigration(stage)
  const result = await stage.run('rollback', inputs)
  if (!isBack(result)) throw new Error(`The stack did not come back to ${hop.from}: ${result.stdout}`)
}

function isBack({ outputs }: RunResult): boolean {
  return ['rolled-back', 'unchanged'].includes(outputs['outcome'] ?? '')
}

async function clearHalfAMigration(stage: Stage): Promise<void> {
  await withPostgres(stage, client =>
    client.query('DELETE FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL'),
  )
  const clickhouse = clickhouseClient(clickhouseAccess(stage.stack))
  const [head] = await clickhouse.query(
    'SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
  )
  if (Number(head?.['dirty']) === 1)
    await clickhouse.execute(
      `INSERT INTO schema_migrations SELECT ${Number(head?.['version']) - 1}, 0, max(sequence) + 1 FROM schema_migrations`,
    )
}

/** The matrix hop × step as a Markdown table. */
export function matrixOf(cells: readonly Cell[]): string {
  const rows = cells.map(({ hop, step, failure, said, outcome, ended }) =>
    [hop, step, failure, said, outcome, ended].join(' | '),
  )
  return [
    '| hop | step | failure | the plan said: goes back by itself | outcome | ended |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map(row => `| ${row} |`),
  ].join('\n')
}
