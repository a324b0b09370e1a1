import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { CheckId } from '../../src/checks/run.ts'
import { callsOf, PROGRAMS, verifyWithout, WAYS, type Without } from './evidence.ts'
import { AGENT, CORE, checksBeside, checksWithout, NO_EVIDENCE, SOURCES } from './sources.ts'
import { type OpenFaultStage, openFaultStage } from './stage.ts'

/** No check passes when its evidence is refused, does not come, or is not what was asked for. */
let folder: string
let stage: OpenFaultStage
const task = { network: 'task' }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evidence-'))
  stage = await openFaultStage('article', { folder })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('every call to AWS is known here', async () => {
  const known = new Set([...CORE, ...AGENT, ...Object.keys(NO_EVIDENCE), ...Object.values(SOURCES).flat()])
  const calls = [...(await callsOf(stage)), ...(await callsOf(stage, task))]
  expect(calls.filter(call => !known.has(call))).toEqual([])
  const made = new Set([...calls, ...PROGRAMS])
  expect([...known].filter(source => !made.has(source))).toEqual([])
})

test('seen from the runner', async () => {
  const healthy = await passedOn('direct')
  const calls = await callsOf(stage)
  const jobs = [...calls, ...PROGRAMS].flatMap(source => WAYS.map(way => [source, way] as const))
  const outcomes = await sideBySide(jobs, ([source, way]) => verifyWithout(stage, source, way))
  expect(outcomes.flatMap(without => problemsOf(without, { network: 'direct', healthy }))).toEqual([])
}, 1_800_000)

test('seen by an agent', async () => {
  const healthy = await passedOn('task')
  const ways = ['denied', 'silent', 'wrong'] as const
  const jobs = AGENT.flatMap(source => ways.map(way => [source, way] as const))
  const outcomes = await sideBySide(jobs, ([source, way]) => verifyWithout(stage, source, way, task))
  expect(outcomes.flatMap(without => problemsOf(without, { network: 'task', healthy }))).toEqual([])
}, 1_800_000)

type Seen = { readonly network: 'direct' | 'task'; readonly healthy: ReadonlySet<string> }

async function passedOn(network: Seen['network']): Promise<Seen['healthy']> {
  const { report } = await stage.verify({ network })
  const { checks = [] } = (report ?? {}) as { readonly checks?: Without['checks'] }
  return new Set(checks.filter(({ state }) => state === 'passed').map(({ id }) => id))
}

/** What is wrong: a check that passed without its evidence, or that did not although it had it. */
function problemsOf(without: Without, { network, healthy }: Seen): readonly string[] {
  const { source, way, result, checks } = without
  const said = `${source} ${way}`
  if (checks.length === 0) {
    const right = CORE.includes(source) && result.outputs['outcome'] === 'inconclusive'
    const named = way !== 'denied' || /grant `\w[\w-]*:\w+`/.test(result.summary)
    return right && named ? [] : [`${said}: verify came to ${result.outputs['outcome']}: ${result.summary}`]
  }
  const lost = checksWithout({ source, way, network })
  const free = new Set([...lost, ...checksBeside({ source, way, network })])
  const blind = checks.filter(({ id, state }) => state === 'passed' && lost.includes(id))
  // What a whole component is read from takes more with it than can be listed.
  const astray = checks.filter(({ id, state }) => state !== 'passed' && healthy.has(id) && !free.has(id))
  return [
    ...[...blind, ...(CORE.includes(source) ? [] : astray)].map(
      ({ id, state, sentence }) => `${said}: ${id} ${state}: ${sentence}`,
    ),
    ...(lost.length > 0 && result.outputs['outcome'] === 'passed' && !onlySkipped(without, lost)
      ? [`${said}: verify passed`]
      : []),
  ]
}

function onlySkipped({ checks }: Without, lost: readonly CheckId[]): boolean {
  return checks.filter(({ id }) => lost.includes(id)).every(({ state }) => state === 'skipped')
}

/** Most of the time is waiting. */
async function sideBySide<Job, Result>(
  jobs: readonly Job[],
  work: (job: Job) => Promise<Result>,
): Promise<readonly Result[]> {
  const left = [...jobs]
  const results: Result[] = []
  const lane = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) results.push(await work(job))
  }
  await Promise.all(Array.from({ length: 6 }, lane))
  return results
}
