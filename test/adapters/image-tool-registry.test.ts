import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { findImageTool } from '../../src/adapters/find-image-tool.ts'
import { contentOf, pushImage, type Registry, startRegistry } from '../support/registry.ts'

/**
 * The real programs against two real registries on this machine. `go install
 * github.com/google/go-containerregistry/cmd/crane@latest` brings crane, which serves the registries, too.
 */
const crane = onPath('crane')

function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map(folder => join(folder, program)).find(file => existsSync(file))
}

let folder: string
let source: Registry
let target: Registry

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-registry-'))
  if (crane === undefined) return
  source = await startRegistry(crane)
  target = await startRegistry(crane)
})

afterAll(async () => {
  source?.stop()
  target?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A PATH with that program alone; a home in which skopeo takes any image from a registry without TLS. */
async function only(program: string, file: string): Promise<Readonly<Record<string, string>>> {
  const home = join(folder, program)
  const settings = join(home, '.config/containers')
  await mkdir(settings, { recursive: true })
  await symlink(file, join(home, program))
  await writeFile(join(settings, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
  const plain = [source, target].map(({ host }) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`)
  await writeFile(join(settings, 'registries.conf'), plain.join(''))
  return { PATH: home, HOME: home }
}

for (const program of ['skopeo', 'crane']) {
  const file = onPath(program)
  const there = crane !== undefined && file !== undefined
  const title = `${program} copies an image of two platforms by digest, whole`
  if (there) test(title, () => copies(program, file))
  else test.skip(`${title}: there is no ${file === undefined ? program : 'crane'} on PATH`, () => undefined)
}

async function copies(program: string, file: string): Promise<void> {
  const tool = await findImageTool(await only(program, file))
  if (tool === undefined) throw new Error(`${program} does not work here`)
  const name = `langfuse/${program}`
  const pushed = await pushImage(source, name, '3.0.0')
  expect(await tool.inspect(`${source.host}/${name}:3.0.0`)).toEqual({
    digest: pushed.index,
    platforms: ['linux/amd64', 'linux/arm64'],
  })
  expect(await tool.inspect(`${source.host}/${name}:9.9.9`)).toBeUndefined()
  expect(await tool.inspect(`${target.host}/web-${program}:3.0.0`)).toBeUndefined()
  const from = `${source.host}/${name}@${pushed.index}`
  await tool.copy(from, `${target.host}/web-${program}:3.0.0`, new AbortController().signal)
  const copied = await contentOf(target, `web-${program}`, '3.0.0')
  expect(copied).toEqual(await contentOf(source, name, pushed.index))
  expect(copied).toEqual(expect.arrayContaining([pushed.index, ...pushed.manifests]))
}
