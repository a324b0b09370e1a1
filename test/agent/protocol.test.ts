import { createHash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { createReader, createReporter, MARK } from '../../src/agent/protocol.ts'

const NONCE = '00112233aabbccdd'
const BIG = {
  text: `"quotes" \\ ${'日本語🚀'.repeat(3_000)}`,
  // What does not pack well.
  list: Array.from({ length: 2_000 }, (_, i) => createHash('sha256').update(`${i}`).digest('hex')),
}
/** Not yet so long that it is packed, and with letters that are cut badly. */
const PLAIN = `"quotes" \\ ${'日本語🚀'.repeat(2_400)}`
const REPEATED = Array.from({ length: 20_000 }, () => 'column public.projects.id')

function linesOf(value: unknown = BIG, nonce = NONCE): readonly string[] {
  const lines: string[] = []
  const reporter = createReporter(nonce, line => lines.push(line))
  reporter.say('looking')
  reporter.say('still looking')
  reporter.result(value)
  reporter.end()
  return lines
}

function read(lines: readonly string[]) {
  const said: string[] = []
  const reader = createReader(NONCE, text => said.push(text))
  reader.take(lines)
  return { answer: reader.answer(), said }
}

test.each([
  ['a big answer', BIG, 20, 60],
  ['an answer in plain text', PLAIN, 7, 9],
  ['an answer that says the same again and again', REPEATED, 3, 6],
])('%s comes in lines of less than 8 kB and is whole again', (_what, value, least, most) => {
  const lines = linesOf(value)
  expect(lines.length).toBeGreaterThanOrEqual(least)
  expect(lines.length).toBeLessThanOrEqual(most)
  expect(Math.max(...lines.map(line => Buffer.byteLength(line)))).toBeLessThan(8_000)
  expect(read(lines)).toEqual({ answer: { state: 'result', value }, said: ['looking', 'still looking'] })
})

test('order, repetition and noise do no harm', () => {
  const lines = linesOf()
  const noise = ['(node:1) Warning: x', '', '{"n":"x"}']
  const { answer, said } = read([...noise, ...[...lines].reverse(), ...lines, ...noise])
  expect(answer).toEqual({ state: 'result', value: BIG })
  expect(said).toEqual(['looking', 'still looking'])
})

test('progress is told as it comes, in order, once', () => {
  const [first = '', second = ''] = linesOf()
  const said: string[] = []
  const reader = createReader(NONCE, text => said.push(text))
  reader.take([second])
  expect(said).toEqual([])
  reader.take([first])
  reader.take([first])
  expect(said).toEqual(['looking', 'still looking'])
})

test('a failed job says so with all it knows', () => {
  const lines: string[] = []
  const reporter = createReporter(NONCE, line => lines.push(line))
  const failure = { sentence: 'It failed.', name: 'StepFailed', sqlState: '53100', evidence: ['disk full'] }
  reporter.failure(failure)
  reporter.end()
  expect(read(lines).answer).toEqual({ state: 'failure', failure })
})

const spoiled = (change: (lines: string[]) => void): readonly string[] => {
  const lines = [...linesOf()]
  change(lines)
  return lines
}

test.each<readonly [string, readonly string[], 'open' | 'broken', RegExp]>([
  ['nothing', [], 'open', /log is empty/],
  ['only noise', ['hello', '', 'world'], 'open', /has 2 lines but no result/],
  ['the answer to another run', linesOf(BIG, 'ffff'), 'open', /only the result of another run/],
  ['no end', spoiled(lines => lines.pop()), 'open', /end of its result is missing after \d+ lines/],
  ['a gap', spoiled(lines => lines.splice(3, 1)), 'open', /line 3 .* is missing/],
  [
    'a gap without an end',
    spoiled(lines => {
      lines.splice(3, 1)
      lines.pop()
    }),
    'open',
    /line 3 .* is missing/,
  ],
  [
    'a changed line',
    spoiled(lines => {
      lines[4] = lines[4]?.replace(/.(?="}$)/, last => (last === 'A' ? 'B' : 'A')) ?? ''
    }),
    'broken',
    /does not match its hash/,
  ],
  [
    'a line cut in two',
    spoiled(lines => {
      lines.splice(4, 1, lines[4]?.slice(0, 900) ?? '', lines[4]?.slice(900) ?? '')
    }),
    'broken',
    /is damaged/,
  ],
  [
    'one number twice',
    spoiled(lines => lines.push(`${MARK}{"n":"${NONCE}","i":2,"k":"result","v":"x"}`)),
    'broken',
    /line 2 .* appears twice with different content/,
  ],
  [
    'a line behind the end',
    spoiled(lines => lines.push(`${MARK}{"n":"${NONCE}","i":9999,"k":"result","v":"x"}`)),
    'broken',
    /does not match its hash/,
  ],
  ['no result', [...resultless()], 'broken', /its result is empty/],
])('%s is no answer', (_what, lines, state, reason) => {
  expect(read(lines).answer).toEqual({ state, reason: expect.stringMatching(reason) })
})

function resultless(): readonly string[] {
  const lines: string[] = []
  const reporter = createReporter(NONCE, line => lines.push(line))
  reporter.say('looking')
  reporter.end()
  return lines
}
