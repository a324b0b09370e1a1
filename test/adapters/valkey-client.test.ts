import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Valkey as Sandboxed, startValkey } from '../../sandbox/valkey.ts'
import { createValkey, parseReply, valkeyAt } from '../../src/adapters/valkey-client.ts'
import { observeValkey } from '../../src/stack/observe-databases.ts'

let server: Sandboxed

beforeAll(async () => {
  server = await startValkey({ password: 'token' })
})

afterAll(() => server.stop())

const at = (url: string) => createValkey(valkeyAt(url))

test('what it says of itself, and what waits in its queues', async () => {
  const { lists, sets, hashes } = server.state
  lists.set('bull:ingestion-queue:wait', ['9', '8', '7'])
  lists.set('bull:ingestion-queue:active', ['6'])
  sets.set('bull:trace-upsert:prioritized', ['1', '2'])
  hashes.set('bull:ingestion-queue:7', { timestamp: '1700000000000' })
  expect(await observeValkey(at(`redis://:token@127.0.0.1:${server.port}`))).toMatchObject({
    known: true,
    value: {
      version: '7.2.6',
      policy: 'volatile-lru',
      used: 3_400_000,
      maximum: 1_500_000_000,
      evicted: 0,
      queues: [
        { name: 'ingestion-queue', waiting: 3, active: 1, oldest: 1_700_000_000_000 },
        { name: 'trace-upsert', waiting: 2, active: 0, oldest: undefined },
      ],
    },
  })
})

test.each([
  ['a wrong token', () => `redis://:wrong@127.0.0.1:${server.port}`, /WRONGPASS/],
  ['no token', () => `redis://127.0.0.1:${server.port}`, /NOAUTH/],
  ['nobody there', () => 'redis://127.0.0.1:1', /cannot be reached: check its security group.*ECONNREFUSED/],
])('%s is said', async (_what, url, reason) => {
  expect(await observeValkey(at(url()))).toMatchObject({
    known: false,
    because: 'unreachable',
    reason: expect.stringMatching(reason),
  })
})

test('what speaks another protocol, or hangs up, is no cache', async () => {
  const answers = ['HTTP/1.1 400 Bad Request\r\n\r\n', undefined]
  const other = createServer(socket => {
    const answer = answers.shift()
    socket.on('error', () => undefined)
    if (answer === undefined) socket.destroy()
    else socket.end(answer)
  })
  await new Promise<void>(done => void other.listen(0, '127.0.0.1', done))
  const address = other.address()
  const port = typeof address === 'object' ? address?.port : 0
  try {
    for (const reason of [/does not speak the protocol/, /closed|ECONNRESET|reset/]) {
      expect(await observeValkey(at(`redis://:t@127.0.0.1:${port}`))).toMatchObject({
        known: false,
        reason: expect.stringMatching(reason),
      })
    }
  } finally {
    other.close()
  }
})

test('replies are read when they are whole, wherever they are cut', () => {
  const text = '*3\r\n$3\r\nfoo\r\n:-7\r\n*2\r\n$-1\r\n+OK\r\n-ERR no\r\n'
  const whole = Buffer.from(text)
  const length = text.indexOf('-ERR')
  for (let size = 0; size < length; size++) expect(parseReply(whole.subarray(0, size))).toBeUndefined()
  expect(parseReply(whole)).toEqual({ reply: ['foo', -7, [null, 'OK']], error: undefined, length })
  expect(parseReply(whole.subarray(length))).toEqual({ reply: null, error: 'ERR no', length: 9 })
})
