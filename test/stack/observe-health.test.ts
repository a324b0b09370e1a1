import { afterEach, expect, test } from '@jest/globals'
import { createHttp } from '../../src/adapters/machine.ts'
import type { Http } from '../../src/ports/http.ts'
import {
  healthAddress,
  observeHealth,
  observeWebInside,
  webAddresses,
} from '../../src/stack/observe-health.ts'
import { ecsTask, stackOn2 } from '../support/stack.ts'
import { hasOpenssl, type StrangeWeb, strangeWeb, type Who } from '../support/strange-web.ts'

let web: StrangeWeb | undefined

afterEach(async () => {
  await web?.close()
  web = undefined
})

async function healthAt(who: Who) {
  web = await strangeWeb(who)
  return observeHealth(`${web.url}/api/public/health`, createHttp())
}

test.each([
  ['Langfuse 3.0.0', 200, '3.0.0'],
  ['ill Langfuse', 503, '2.93.7'],
  ['gateway', 502, undefined],
] as const)('%s is an answer of the web, or for it', async (who, status, version) => {
  expect(await healthAt(who)).toMatchObject({ known: true, value: { status, version } })
})

test.each([
  ['login', /answers 302 and redirects to login\.example\.com, e\.g\. a login/],
  ['basic auth', /answers 401: a login/],
  ['firewall', /answers 403: a firewall or a login/],
  ['HTML of another product', /answers an HTML page and 200, but not with Langfuse's health report/],
  ['JSON of another product', /answers another product's JSON and 200, but not with Langfuse's/],
] as const)('%s is not readable as Langfuse, and the reason names what answered', async (who, reason) => {
  expect(await healthAt(who)).toMatchObject({
    known: false,
    because: 'no-evidence',
    reason: expect.stringMatching(reason),
  })
})

const withOpenssl = hasOpenssl ? test : test.skip

withOpenssl(
  'a certificate that nobody signed is not readable, and is named (skipped without openssl)',
  async () => {
    expect(await healthAt('self-signed')).toMatchObject({
      known: false,
      because: 'no-evidence',
      reason: expect.stringMatching(
        /a TLS certificate that this runner does not trust \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
      ),
    })
  },
)

test.each([
  ['nobody listens', 'http://127.0.0.1:1', /did not answer: /],
  ['the name has no address', 'http://web.invalid', /did not answer: /],
])('%s: no answer', async (_, url, reason) => {
  expect(await observeHealth(`${url}/api/public/health`, createHttp())).toMatchObject({
    known: false,
    because: 'unreachable',
    reason: expect.stringMatching(reason),
  })
})

test('inside the VPC the ECS tasks are asked at their own port, with the path of the URL', () => {
  const { worker, web: appRunner } = stackOn2()
  const { environment, secrets } = appRunner
  const container = { ...worker.container, environment: { PORT: '3100' } }
  const parts = { component: 'web', platform: 'ecs', express: undefined, environment, secrets } as const
  const tasks = [{}, { lastStatus: 'PENDING' }].map(over => ecsTask(worker.service, over))
  const onEcs = { ...worker, ...parts, container, tasks }
  const url = 'https://langfuse.example.com/base/api/public/health'
  expect(webAddresses(onEcs, 'https://langfuse.example.com/base')).toEqual({
    tasks: ['http://10.0.11.37:3100/base/api/public/health'],
    url,
  })
  expect(webAddresses(appRunner, '')).toEqual({ tasks: [], url: undefined })
  expect(healthAddress('')).toBeUndefined()
})

const at = (answers: Readonly<Record<string, number>>): Http => ({
  get: async url => {
    const status = answers[url]
    if (status === undefined) throw new Error('timeout')
    return { status, body: JSON.stringify({ status: status === 200 ? 'OK' : 'ill', version: '3.0.0' }) }
  },
})

test.each([
  ['one is closed to this network', { b: 200 }, { known: true, value: { status: 200 } }],
  ['one is ill', { a: 200, b: 503 }, { known: true, value: { status: 503 } }],
  ['none answers', {}, { known: false, because: 'unreachable' }],
])('of several addresses %s', async (_, answers, expected) => {
  expect(await observeWebInside(['a', 'b'], at(answers))).toMatchObject(expected)
})
