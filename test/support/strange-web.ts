import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What may answer at a public URL instead of this stack's Langfuse. */
export const ANSWERS = {
  login: (_, answer) => answer.writeHead(302, { location: 'https://login.example.com/authorize' }).end(),
  'basic auth': (_, answer) => answer.writeHead(401, { 'www-authenticate': 'Basic' }).end('<html></html>'),
  firewall: (_, answer) => answer.writeHead(403).end('<html>Forbidden</html>'),
  'HTML of another product': (_, answer) => answer.writeHead(200).end('<!DOCTYPE html><title>Wiki</title>'),
  'JSON of another product': (_, answer) => answer.writeHead(200).end('{"database":"ok","version":"10.4.1"}'),
  gateway: (_, answer) => answer.writeHead(502).end('<html>Bad Gateway</html>'),
  'Langfuse 2.93.7': (_, answer) => answer.writeHead(200).end('{"status":"OK","version":"2.93.7"}'),
  'Langfuse 3.0.0': (_, answer) => answer.writeHead(200).end('{"status":"OK","version":"3.0.0"}'),
  'ill Langfuse': (_, answer) => {
    answer.writeHead(503).end('{"status":"Database not available","version":"2.93.7"}')
  },
} as const satisfies Readonly<Record<string, RequestListener>>

export type StrangeWeb = { readonly url: string; close(): Promise<void> }

export async function strangeWeb(who: keyof typeof ANSWERS | 'self-signed'): Promise<StrangeWeb> {
  const server =
    who === 'self-signed'
      ? createTlsServer(await selfSigned(), ANSWERS['Langfuse 2.93.7'])
      : createServer(ANSWERS[who])
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `${who === 'self-signed' ? 'https' : 'http'}://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

/** Node makes no certificates. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0

async function selfSigned(): Promise<{ readonly key: Buffer; readonly cert: Buffer }> {
  const folder = await mkdtemp(join(tmpdir(), 'self-signed-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=127.0.0.1']
  await promisify(execFile)('openssl', [...request, '-keyout', key, '-out', cert])
  const pair = { key: await readFile(key), cert: await readFile(cert) }
  await rm(folder, { recursive: true, force: true })
  return pair
}
