import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { World } from '../sandbox/aws/world.ts'
import type { RunResult } from '../sandbox/runner.ts'
import { type OpenFaultStage, openFaultStage } from '../test/faults/stage.ts'

const ENVIRONMENTS = (process.argv[2] ?? '1,10,100').split(',').map(Number)
/** What one call to AWS takes from a runner of GitHub's. */
const LATENCY_MS = 80
const SLOW_MS = 5_000

/**
 * What the built verify costs: how much longer than the slowest of its sources it takes, and time, calls and memory
 * for one environment after the other, as the jobs of a matrix or the steps of a job make them. Prints, asserts nothing.
 */
async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'verify-'))
  const stage = await openFaultStage('article', { folder })
  try {
    const end = slow(stage.world, () => LATENCY_MS)
    await slowest(stage)
    for (const count of ENVIRONMENTS) await many(stage, count)
    end()
  } finally {
    await stage.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Each source is made slow by itself: nothing else may wait for it but what needs it. */
async function slowest(stage: OpenFaultStage): Promise<void> {
  const usual = await medianOf(5, () => measure(stage))
  print(`direct, ${LATENCY_MS} ms a call: ${seconds(usual.milliseconds)}, ${usual.calls} calls`)
  const byAgent = await medianOf(3, () => measure(stage, { network: 'task' }))
  print(
    `by an agent: ${seconds(byAgent.milliseconds)}, ${byAgent.calls} calls, of which the agent's task is most`,
  )
  const operations = [...new Set(stage.stage.stack.sandbox.requests.map(call => call.operation))]
  for (const operation of operations.filter(name => /^(Describe|List|Get)/.test(name))) {
    let met = 0
    const end = slow(stage.world, name => {
      if (name !== operation) return 0
      met += 1
      return SLOW_MS
    })
    const run = await measure(stage)
    end()
    if (met > 0)
      print(
        `  ${operation.padEnd(28)} takes ${SLOW_MS / 1_000} s (${met} calls): ${seconds(run.milliseconds)}, ${seconds(run.milliseconds - SLOW_MS)} more than the slowest call`,
      )
  }
}

/** Side by side as many as a machine of GitHub's has processors. */
async function many(stage: OpenFaultStage, count: number): Promise<void> {
  const started = performance.now()
  const runs: Run[] = []
  for (let number = 0; number < count; number += 1) runs.push(await measure(stage))
  const took = performance.now() - started
  const calls = runs.reduce((sum, run) => sum + run.calls, 0)
  const half = Math.ceil(runs.length / 2)
  const parts = [runs.slice(0, half), runs.slice(-half)].map(part =>
    seconds(median(part.map(run => run.milliseconds))),
  )
  print(
    `${String(count).padStart(3)} environments: ${seconds(took)}, ${seconds(took / count)} each (first half ${parts[0]}, second half ${parts[1]}), ${calls / count} calls each, ${median(runs.map(run => run.megabytes))} MB each, ${runs.filter(run => run.outcome !== 'passed').length} not passed`,
  )
}

type Run = {
  readonly milliseconds: number
  readonly calls: number
  readonly megabytes: number
  readonly outcome: string
}

async function measure(stage: OpenFaultStage, inputs: Readonly<Record<string, string>> = {}): Promise<Run> {
  const { requests, vpcEnv } = stage.stage.stack.sandbox
  const from = requests.length
  const place = inputs['network'] === 'task' ? '' : vpcEnv['NODE_OPTIONS']
  const result = await stage.verify(inputs, { env: { NODE_OPTIONS: `${place} --import ${MEMORY}`.trim() } })
  return {
    milliseconds: result.milliseconds,
    calls: requests.length - from,
    megabytes: memoryOf(result),
    outcome: result.outputs['outcome'] ?? '',
  }
}

const SAY = `process.on('exit', () => console.log('memory ' + process.resourceUsage().maxRSS))`
const MEMORY = `data:text/javascript,${encodeURIComponent(SAY)}`

function memoryOf({ stdout }: RunResult): number {
  return Math.round(Number(/^memory (\d+)/m.exec(stdout)?.[1] ?? 0) / 1024)
}

/** Every call takes so long before it is carried out. */
function slow(world: World, milliseconds: (operation: string) => number): () => void {
  return world.onRequest(({ phase, operation }) => {
    const pause = phase === 'before' ? milliseconds(operation) : 0
    return pause === 0 ? undefined : new Promise<void>(done => setTimeout(done, pause))
  })
}

async function medianOf(times: number, work: () => Promise<Run>): Promise<Run> {
  const runs: Run[] = []
  for (let time = 0; time < times; time += 1) runs.push(await work())
  const [middle] = runs
    .sort((left, right) => left.milliseconds - right.milliseconds)
    .slice(Math.floor(times / 2))
  if (middle === undefined) throw new Error('nothing was measured')
  return middle
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0
}

const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(2)} s`

function print(line: string): void {
  console.log(line)
}

await bench()
