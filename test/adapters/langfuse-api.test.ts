import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createLangfuseApi } from '../../src/adapters/langfuse-api.ts'
import { send } from '../../src/adapters/machine.ts'
import type { LangfuseApi } from '../../src/ports/http.ts'

type Asked = {
  readonly line: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

let server: Server
let api: LangfuseApi
let asked: Asked[]
let answer: { status: number; body: string; headers?: Record<string, string> } | 'never'

beforeEach(async () => {
  asked = []
  answer = { status: 200, body: '{}' }
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    asked.push({ line: `${request.method} ${request.url}`, headers: request.headers, body })
    if (answer !== 'never') response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  api = createLangfuseApi(
    { url: `http://127.0.0.1:${port}/base`, publicKey: 'pk-lf-1', secretKey: 'sk-lf-2' },
    send,
  )
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise(done => server.close(done))
})

const options = { timeoutMs: 2_000 }

test('each call goes where Langfuse has it, with both keys', async () => {
  const wanted = { name: 'a b', before: '2026-11-22T12:00:00.000Z', limit: 20 }
  await api.ingest([{ id: '1' }], options)
  await api.ingestSpans([{ scopeSpans: [] }], options)
  await api.trace('a/b', options)
  await api.traces(wanted, options)
  await api.observations('t1', options)
  await api.observationsNamed(wanted, options)
  await api.deleteTrace('t1', options)
  expect(asked.map(({ line }) => line)).toEqual([
    'POST /base/api/public/ingestion',
    'POST /base/api/public/otel/v1/traces',
    'GET /base/api/public/traces/a%2Fb',
    'GET /base/api/public/traces?name=a+b&toTimestamp=2026-11-22T12%3A00%3A00.000Z&limit=20',
    'GET /base/api/public/v2/observations?traceId=t1',
    'GET /base/api/public/v2/observations?name=a+b&toStartTime=2026-11-22T12%3A00%3A00.000Z&limit=20',
    'DELETE /base/api/public/traces/t1',
  ])
  const basic = `Basic ${Buffer.from('pk-lf-1:sk-lf-2').toString('base64')}`
  expect(new Set(asked.map(({ headers }) => headers['authorization']))).toEqual(new Set([basic]))
  expect(asked[0]).toMatchObject({
    body: '{"batch":[{"id":"1"}]}',
    headers: { 'content-type': 'application/json' },
  })
  expect(asked[1]).toMatchObject({
    body: '{"resourceSpans":[{"scopeSpans":[]}]}',
    headers: { 'x-langfuse-ingestion-version': '4' },
  })
  expect(asked[2]?.headers['x-langfuse-ingestion-version']).toBeUndefined()
})

test('JSON is read, a page stays text, and errors are answers too', async () => {
  answer = { status: 207, body: '{"errors":[]}' }
  expect(await api.trace('t1', options)).toEqual({ status: 207, body: { errors: [] } })
  answer = { status: 503, body: '<html>busy</html>' }
  expect(await api.trace('t1', options)).toEqual({ status: 503, body: '<html>busy</html>' })
  answer = { status: 200, body: '' }
  expect(await api.trace('t1', options)).toEqual({ status: 200, body: '' })
})

test('a redirect is not followed: the keys go nowhere else', async () => {
  answer = { status: 302, body: '', headers: { location: '/elsewhere' } }
  expect(await api.trace('t1', options)).toMatchObject({ status: 302 })
  expect(asked).toHaveLength(1)
})

test('no answer is an error after the timeout, and at once when the run is cancelled', async () => {
  answer = 'never'
  await expect(api.trace('t1', { timeoutMs: 50 })).rejects.toThrow()
  const controller = new AbortController()
  const waiting = api.trace('t1', { timeoutMs: 60_000, signal: controller.signal })
  controller.abort()
  await expect(waiting).rejects.toThrow()
})
