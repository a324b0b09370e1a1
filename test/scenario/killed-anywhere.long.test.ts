import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { type StackSnapshot, takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { ecsService, isWrite, webImage } from './support.ts'

/**
 * The runner's machine is lost in the middle of a deploy: SIGKILL at one of its AWS calls, before AWS carries it out,
 * or after it did and before the answer comes. The deploy is started again and has to end as if nothing had happened.
 *
 * By default after every writing call, the worst moment: it is done and nobody knows. THOROUGH=1: every call, before
 * and after, which takes about an hour. Each stage takes its share of the moments and goes back with the rollback
 * action in between.
 */
const THOROUGH = process.env['THOROUGH'] === '1'
const STAGES = 3

const UPGRADE = { version: '3.0.0', 'clickhouse-version': '24.12.3' }

let folder: string
let stages: readonly Stage[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'killed-'))
  const open = (index: number) => openStage({ folder: join(folder, String(index)), seed: false })
  stages = await Promise.all(Array.from({ length: STAGES }, (_, index) => open(index)))
})

afterAll(async () => {
  await Promise.all(stages.map(stage => stage.stop()))
  await rm(folder, { recursive: true, force: true })
})

/** The `nth` call of an operation, in whatever order the calls side by side come. */
type Moment = {
  readonly operation: string
  readonly nth: number
  readonly phase: 'before' | 'after'
}

const nameOf = ({ phase, operation, nth }: Moment) => `${phase} ${operation} #${nth}`

test('a deploy that is killed anywhere and started again ends where an undisturbed one ends', async () => {
  const [first] = stages
  if (first === undefined) throw new Error('There is no stage')
  const calls = await undisturbed(first)
  const wanted = await stateOf(first)
  await rollBack(first)
  const moments = momentsIn(calls)
  const queue = [...moments]
  const failures: string[] = []
  const unreached: string[] = []
  await Promise.all(
    stages.map(async stage => {
      for (let moment = queue.shift(); moment !== undefined; moment = queue.shift()) {
        const problem = await round(stage, moment, wanted).catch(error => String(error))
        if (problem === 'unreached') unreached.push(nameOf(moment))
        else if (problem !== undefined) failures.push(`${nameOf(moment)}: ${problem}`)
        process.stdout.write(`killed ${nameOf(moment)}: ${problem ?? 'the same in the end'}\n`)
      }
    }),
  )
  const reached = moments.length - unreached.length
  process.stdout.write(
    `${calls.length} calls, ${calls.filter(isWrite).length} of them write. Killed and started again: ${reached - failures.length}/${reached}${unreached.length > 0 ? `; not made again in its round: ${unreached.join(', ')}` : ''}\n`,
  )
  expect(failures).toEqual([])
  // Only how often is looked differs from run to run.
  expect(unreached.filter(name => isWrite({ operation: name.split(/[. ]/)[2] ?? '' }))).toEqual([])
}, 7_200_000)

type Call = { readonly operation: string; readonly name: string }

async function undisturbed(stage: Stage): Promise<readonly Call[]> {
  const { requests } = stage.stack.sandbox
  const from = requests.length
  const result = await stage.run('deploy', UPGRADE)
  expect(result.outputs['outcome']).toBe('deployed')
  return requests
    .slice(from)
    .map(({ service, operation }) => ({ operation, name: `${service}.${operation}` }))
}

function momentsIn(calls: readonly Call[]): readonly Moment[] {
  const counts = new Map<string, number>()
  return calls.flatMap((call): readonly Moment[] => {
    const nth = (counts.get(call.name) ?? 0) + 1
    counts.set(call.name, nth)
    const at = { operation: call.name, nth }
    const after = { ...at, phase: 'after' as const }
    if (THOROUGH) return [{ ...at, phase: 'before' }, after]
    return isWrite(call) ? [after] : []
  })
}

/** What is wrong after one kill and one deploy more; undefined: nothing. */
async function round(stage: Stage, moment: Moment, wanted: State): Promise<string | undefined> {
  const reached = await killAt(stage, moment)
  const again = await stage.run('deploy', UPGRADE)
  const state = await stateOf(stage)
  await rollBack(stage)
  if (!reached) return 'unreached'
  const outcome = again.outputs['outcome']
  if (outcome !== 'deployed' && outcome !== 'unchanged')
    return `${outcome}: ${again.commands.at(-1)?.message}`
  return JSON.stringify(state) === JSON.stringify(wanted)
    ? undefined
    : `${outcome}, but ${JSON.stringify(state)} instead of ${JSON.stringify(wanted)}`
}

/** False when the deploy ended without coming to that call. */
async function killAt(stage: Stage, { operation, nth, phase }: Moment): Promise<boolean> {
  const lost = new AbortController()
  const ended = Promise.withResolvers<void>()
  let count = 0
  let number: number | undefined
  const end = stage.stack.sandbox.world.onRequest(async event => {
    if (lost.signal.aborted) return 'drop'
    if (`${event.service}.${event.operation}` !== operation) return undefined
    if (event.phase === 'before') count += 1
    if (event.phase === 'before' && count === nth) number = event.number
    if (event.phase !== phase || event.number !== number) return undefined
    lost.abort()
    await ended.promise
    return 'drop'
  })
  await stage.run('deploy', UPGRADE, { lost: lost.signal })
  ended.resolve()
  end()
  return lost.signal.aborted
}

type State = Pick<StackSnapshot, 'images' | 'clickhouseHead' | 'postgresMigrations'> & {
  readonly web: string
  readonly settings: unknown
  readonly deployments: readonly (readonly string[])[]
  readonly record: string | undefined
}

/** What a person would call the same: images by digest, settings, schema heads, nothing under way, the record closed. */
async function stateOf(stage: Stage): Promise<State> {
  const { world } = stage.stack.sandbox
  // The connection to a ClickHouse that has been replaced may still be in the pool.
  const snapshot = takeSnapshot(stage.stack).catch(() => takeSnapshot(stage.stack))
  const { images, clickhouseHead, postgresMigrations } = await snapshot
  const services = ['langfuse_worker', 'clickhouse'].map(name => ecsService(world, name))
  return {
    images,
    clickhouseHead,
    postgresMigrations,
    web: webImage(world),
    settings: services.map(service => service.deploymentConfiguration),
    deployments: services.map(service => service.deployments.map(({ rolloutState }) => rolloutState)),
    record: stage.github.deployments.at(-1)?.statuses[0]?.state,
  }
}

async function rollBack(stage: Stage): Promise<void> {
  const back = await stage.run('rollback', { to: 'previous' })
  expect(back.outputs['outcome']).toBe('rolled-back')
}
