import { lookup, Resolver } from 'node:dns/promises'
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import type { MountedFile, MountedFiles } from '../ports/databases.ts'
import type { Http, Names, Send } from '../ports/http.ts'
import type { Clock } from '../ports/runner.ts'
import { fetch } from './fetch.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
  every: (milliseconds, work) => {
    const timer = setInterval(work, milliseconds).unref()
    return () => clearInterval(timer)
  },
  random: () => Math.random(),
}

/**
 * Keeps the peak small: a run mostly waits, so the space for new objects need not grow, and compiling for speed costs more
 * memory than it saves time. Only V8's flags can say so here: GitHub's runner starts Node.
 */
export function useLittleMemory(): void {
  for (const flag of ['--semi-space-growth-factor=1', '--no-opt', '--no-maglev']) setFlagsFromString(flag)
}

/** @param cancel ends every request; the agent is stopped as a task instead */
export function createHttp(cancel?: AbortSignal): Http {
  return {
    async get(url, { timeoutMs, headers }) {
      const late = AbortSignal.timeout(timeoutMs)
      const response = await fetch(url, {
        redirect: 'manual',
        signal: cancel === undefined ? late : AbortSignal.any([late, cancel]),
        ...(headers && { headers }),
      })
      const location = response.headers.get('location') ?? undefined
      return { status: response.status, body: await response.text(), location }
    },
  }
}

export const send: Send = async (url, { method, headers, timeoutMs, body, signal }) => {
  const late = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    ...(body !== undefined && { body }),
  })
  return { status: response.status, body: await response.text() }
}

/** The machine's resolver: inside a VPC the same as for every container there. */
export const names: Names = {
  resolve: async name => (await lookup(name, { all: true })).map(({ address }) => address),
  alias: async name => {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 })
    const [alias] = await resolver.resolveCname(name).catch(() => [])
    return alias?.toLowerCase()
  },
}

/** Lists the root of ClickHouse's mounted volume. Opens and writes no file. */
export async function inspectMountedFiles(path: string): Promise<MountedFiles> {
  const [names, room] = await Promise.all([readdir(path), statfs(path)])
  const known = OF_CLICKHOUSE.filter(name => names.includes(name))
  const entries = await Promise.all(['.', ...known].map(name => ownerOf(name, path)))
  return { entries, count: names.length, free: room.bavail * room.bsize }
}

/** Names that ClickHouse creates in its data directory. */
const OF_CLICKHOUSE = ['access', 'data', 'metadata', 'status', 'store', 'tmp', 'user_files', 'uuid']

async function ownerOf(name: string, path: string): Promise<MountedFile> {
  const { uid, gid, mode } = await stat(join(path, name))
  return { name, uid, gid, mode: mode & 0o7777 }
}
