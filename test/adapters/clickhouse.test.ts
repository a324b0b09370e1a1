import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createClickHouse } from '../../src/adapters/clickhouse.ts'

let server: Server
let url: string
const asked: { readonly path: string; readonly body: string; readonly user: unknown }[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += String(chunk)
    })
    request.on('end', () => {
      asked.push({ path: request.url ?? '', body, user: request.headers['x-clickhouse-user'] })
      if (body.startsWith('SLEEP')) return
      if (body.startsWith('WRONG')) response.statusCode = 404
      response.end(
        request.url === '/ping' ? 'Ok.\n' : body.startsWith('WRONG') ? 'Code: 60' : '{"n":"1"}\n{"n":"東"}\n',
      )
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const connect = (at: string) =>
  createClickHouse({ url: at, user: 'someone', password: 'secret', database: 'lang fuse' })

test('a ping and a statement, in the database that is asked for', async () => {
  const clickhouse = connect(url)
  expect(await clickhouse.ping()).toBe(true)
  expect(await clickhouse.run("SELECT '東'")).toEqual([{ n: '1' }, { n: '東' }])
  expect(asked.at(-1)).toMatchObject({ body: "SELECT '東'", user: 'someone' })
  expect(asked.at(-1)?.path).toContain('database=lang+fuse')
})

test('a statement that ClickHouse refuses is its own words', async () => {
  await expect(connect(url).run('WRONG')).rejects.toThrow(/refused a statement: Code: 60/)
})

test('one that takes longer than it may: the server may still be at it', async () => {
  await expect(connect(url).run('SLEEP', { timeoutMs: 200 })).rejects.toThrow(
    'accepted a statement but did not answer; the statement may still be running.',
  )
})

test('nothing listens there', async () => {
  await expect(connect('http://127.0.0.1:1').ping()).rejects.toThrow('cannot be reached')
})
