import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type OpenFaultStage, openFaultStage } from './stage.ts'

/** What a whole verify costs of AWS's patience: its limits are the account's, and it runs on a schedule. */
let folder: string
let stage: OpenFaultStage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cost-'))
  stage = await openFaultStage('article', { folder })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

test.each(['direct', 'task'])(
  'with `network: %s` at most 60 calls, and a second run makes no more',
  async network => {
    const first = await callsDuring(() => stage.verify({ network }))
    const second = await callsDuring(() => stage.verify({ network }))
    expect(first.length).toBeLessThanOrEqual(60)
    // How often an agent is looked after depends on how long it takes.
    const waiting = /DescribeTasks|GetLogEvents/
    const counted = (calls: readonly string[]) => calls.filter(call => !waiting.test(call)).length
    expect(counted(second)).toBeLessThanOrEqual(counted(first))
  },
)

test('nothing is asked twice', async () => {
  const calls = await callsDuring(() => stage.verify())
  const often = calls.filter((call, index) => calls.indexOf(call) !== index)
  expect(often).toEqual([])
})

/** Operation and input of each call. */
async function callsDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const { requests } = stage.stage.stack.sandbox
  const from = requests.length
  await work()
  return requests.slice(from).map(call => `${call.service}.${call.operation} ${JSON.stringify(call.input)}`)
}
