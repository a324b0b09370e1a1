import { expect, test } from '@jest/globals'
import type { Ports } from '../../src/entries/ports.ts'
import { closeLeftOpen } from '../../src/entries/record.ts'
import type { KeptRecord, Records } from '../../src/ports/github.ts'

const image = (name: string) => `registry.example/${name}@sha256:${'a1'.repeat(32)}`

test.each([
  ['a run that was cancelled before its checks', 'failure', '3.0.0', ['success']],
  ['a run that was killed', 'in_progress', '3.0.0', ['success']],
  ['a run that closed it', 'success', '3.0.0', []],
  ['a deploy of another release', 'failure', '3.1.0', []],
] as const)('3.0.0 is found complete, and the newest record is of %s', async (_whose, state, to, marked) => {
  const images = { web: image('web'), worker: image('worker'), clickhouse: image('clickhouse') }
  const record = {
    schema: 1,
    from: '2.93.7',
    to,
    images,
    taskDefinitions: {},
    postgresMigrations: 271,
    clickhouseHead: 5,
  } as const
  const kept: KeptRecord = { id: '7', record, state, run: '1' }
  const states: string[] = []
  const records = {
    latest: async () => kept,
    mark: async (_id: string, to: string) => void states.push(to),
  } as unknown as Records
  await closeLeftOpen('3.0.0', records, { runner: { info: () => undefined } } as unknown as Ports)
  expect(states).toEqual(marked)
})
