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

export type Who = keyof typeof ANSWERS | 'self-signed' | 'closed'

export type StrangeWeb = {
  readonly url: string
  /** From now on something else answers there. */
  become(other: keyof typeof ANSWERS): void
  close(): Promise<void>
}

export async function strangeWeb(who: Who): Promise<StrangeWeb> {
  let answer: RequestListener =
    who in ANSWERS ? ANSWERS[who as keyof typeof ANSWERS] : ANSWERS['Langfuse 2.93.7']
  const listener: RequestListener = (...exchange) => answer(...exchange)
  const server =
    who === 'self-signed' ? createTlsServer(await selfSigned(), listener) : createServer(listener)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise(done => server.close(done))
  }
  if (who === 'closed') await close()
  return {
    url: `${who === 'self-signed' ? 'https' : 'http'}://127.0.0.1:${port}`,
    become: other => {
      answer = ANSWERS[other]
    },
    close,
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
