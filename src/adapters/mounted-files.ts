import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { MountedFile, MountedFiles } from '../ports/databases.ts'

/** What stands in the root of a mounted volume of ClickHouse. Opens and writes nothing. */
export async function inspectMountedFiles(path: string): Promise<MountedFiles> {
  const [names, room] = await Promise.all([readdir(path), statfs(path)])
  const known = OF_CLICKHOUSE.filter(name => names.includes(name))
  const entries = await Promise.all(['.', ...known].map(name => ownerOf(name, path)))
  return { entries, count: names.length, free: room.bavail * room.bsize }
}

/** What a ClickHouse makes in its data directory. */
const OF_CLICKHOUSE = ['access', 'data', 'metadata', 'status', 'store', 'tmp', 'user_files', 'uuid']

async function ownerOf(name: string, path: string): Promise<MountedFile> {
  const { uid, gid, mode } = await stat(join(path, name))
  return { name, uid, gid, mode: mode & 0o7777 }
}
