import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { runAction } from '../../sandbox/runner.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

test('a deploy that AWS denies has loaded the client for AWS, and not the one for fetch', async () => {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify({ __type: 'AccessDeniedException', message: 'denied' }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const told = join(folder, 'loaded')
  const tell = `import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(told)}, JSON.stringify(process.moduleLoadList)))`
  const result = await runAction({
    action: 'deploy',
    folder,
    inputs: { version: '3.0.0', 'github-token': '' },
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_REGION: 'ap-northeast-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(tell)}"`,
    },
  })
  server.closeAllConnections()
  server.close()
  expect(result.outputs['outcome']).toBe('refused')
  expect(httpClients(JSON.parse(await readFile(told, 'utf8')))).toEqual(['http', 'https'])
})

/** Of Node's own modules; undici is what fetch and WebSocket are made of. */
function httpClients(loaded: readonly string[]): readonly string[] {
  const names = loaded.flatMap(
    name => /^NativeModule (https?|http2|internal\/deps\/undici\/.*)$/.exec(name)?.[1] ?? [],
  )
  return names.sort()
}

test('the license of every package that is bundled comes with it', async () => {
  const text = await readFile('dist/shared/licenses.txt', 'utf8')
  for (const name of ['@actions/core', '@aws-sdk/client-ecs', '@smithy/core', 'pg', 'undici']) {
    expect(text).toMatch(new RegExp(`^${name}\\n(MIT|Apache-2\\.0)\\n.+`, 'm'))
  }
})
