import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ecsAdapter } from '../../src/adapters/aws-ecs.ts'
import { cancelOf } from '../../src/adapters/cancel.ts'
import { gitHubRecords } from '../../src/adapters/github-records.ts'
import { createHttp } from '../../src/adapters/machine.ts'

/** A server that takes every request and answers none. */
const open = new Set<string>()
const silent = createServer((request, response) => {
  const name = String(request.headers['x-amz-target'] ?? request.method)
  open.add(name)
  response.on('close', () => open.delete(name))
})
let url = ''

beforeAll(async () => {
  await new Promise<void>(done => silent.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  Object.assign(process.env, { AWS_ENDPOINT_URL: url, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })
})

afterAll(async () => {
  silent.closeAllConnections()
  await new Promise(done => silent.close(done))
})

const arrived = async (name: RegExp) => {
  while (![...open].some(one => name.test(one))) await new Promise(done => setTimeout(done, 5))
}
const gone = async () => {
  while (open.size > 0) await new Promise(done => setTimeout(done, 5))
}

test('a read and a health request end with the signal, a write a little later, and what begins after it at the last moment', async () => {
  const controller = new AbortController()
  const cancel = cancelOf(controller.signal, 2_400)
  const ecs = ecsAdapter('ap-northeast-1', cancel)
  const ended: string[] = []
  const call = (name: string, work: Promise<unknown>) => work.catch(() => void ended.push(name))
  const read = call('read', ecs.service('langfuse', 'worker'))
  const health = call('health', createHttp(controller.signal).get(url, { timeoutMs: 60_000 }))
  const write = call('write', ecs.updateService({ cluster: 'langfuse', service: 'worker' }))
  await Promise.all([arrived(/DescribeServices/), arrived(/GET/), arrived(/UpdateService/)])
  controller.abort()
  await Promise.all([read, health])
  const later = call('later', ecs.stopDeployment('langfuse', 'worker', 'ecs-svc/1'))
  const records = gitHubRecords({
    token: 't',
    repository: 'o/r',
    ref: 'main',
    environment: 'production',
    runUrl: undefined,
    apiUrl: url,
    cancel,
  })
  const record = call('record', records.mark('1', 'failure', 'cancelled'))
  await Promise.all([write, later, record])
  expect(ended.slice(0, 2).sort()).toEqual(['health', 'read'])
  expect(ended[2]).toBe('write')
  expect(ended.slice(3).sort()).toEqual(['later', 'record'])
  // Nothing outlives its signal.
  await gone()
})
