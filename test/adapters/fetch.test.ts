import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { fetch } from '../../src/adapters/fetch.ts'

const open: (() => void)[] = []

afterEach(() => {
  for (const close of open.splice(0)) close()
})

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  open.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a request arrives as it was asked for, and its answer comes back', async () => {
  const url = await serve(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    response.writeHead(201, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ method: request.method, token: request.headers['x-token'], body }))
  })
  const answer = await fetch(`${url}/a`, { method: 'POST', headers: { 'x-token': 't' }, body: '{}' })
  expect(answer).toMatchObject({ ok: true, status: 201, url: `${url}/a` })
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(await answer.json()).toEqual({ method: 'POST', token: 't', body: '{}' })
})

test('a redirect is followed without the credentials of another host, or not at all', async () => {
  const target = await serve(({ headers }, response) => response.end(headers.authorization ?? 'anonymous'))
  const url = await serve((_, response) => response.writeHead(302, { location: target }).end())
  const headers = { authorization: 'Bearer x' }
  expect(await (await fetch(url, { headers })).text()).toBe('anonymous')
  expect(await fetch(url, { headers, redirect: 'manual' })).toMatchObject({ status: 302, ok: false })
})

test('redirects in a circle end', async () => {
  const url = await serve((_, response) => response.writeHead(302, { location: '/' }).end())
  await expect(fetch(url)).rejects.toMatchObject({ cause: { message: 'redirect count exceeded' } })
})

test('nobody listens: the cause says so', async () => {
  const url = await serve(() => undefined)
  for (const close of open.splice(0)) close()
  await expect(fetch(url)).rejects.toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNREFUSED' } })
})

test('no answer, or half of one, ends with the reason of the signal', async () => {
  for (const begin of [false, true]) {
    const url = await serve((_, response) => {
      if (begin) response.writeHead(200, { 'content-length': '10' }).write('half')
    })
    await expect(fetch(url, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
  }
})
