import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { findImageTool } from '../../src/adapters/find-image-tool.ts'
import type { ImageTool } from '../../src/ports/runner.ts'

/** A PATH of its own with programs that write their arguments down, one a line. */
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-tool-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function install(name: string, body: string): Promise<void> {
  const file = join(folder, name)
  const script = `#!/bin/sh\nfor argument in "$@"; do printf '%s\\n' "$argument" >> '${file}.log'; done\nprintf '%s\\n' -- >> '${file}.log'\n${body}\n`
  await writeFile(file, script)
  await chmod(file, 0o755)
}

/** The calls of a program, each a list of arguments; the first was the question whether it works. */
async function calls(name: string): Promise<readonly (readonly string[])[]> {
  const text = await readFile(join(folder, `${name}.log`), 'utf8')
  return text
    .split('\n--\n')
    .filter(call => call !== '')
    .map(call => call.split('\n'))
    .slice(1)
}

async function found(): Promise<ImageTool> {
  const tool = await findImageTool({ PATH: folder })
  if (tool === undefined) throw new Error('no tool was found')
  return tool
}

const FROM = `docker.io/langfuse/langfuse@sha256:${'a1'.repeat(32)}`
const TO = '123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/langfuse-web:3.0.0'
const INDEX = JSON.stringify({
  manifests: [
    { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    { platform: { os: 'linux', architecture: 'amd64' } },
    { platform: { os: 'unknown', architecture: 'unknown' } },
  ],
})
const never = new AbortController().signal

test.each<readonly [string, string, string, readonly string[], readonly string[]]>([
  [
    'docker',
    'docker buildx imagetools',
    'docker.io/langfuse/langfuse:3.0.0',
    ['buildx', 'imagetools', 'inspect', '--raw', 'docker.io/langfuse/langfuse:3.0.0'],
    ['buildx', 'imagetools', 'create', '--prefer-index=false', '--tag', TO, FROM],
  ],
  [
    'skopeo',
    'skopeo',
    'docker.io/langfuse/langfuse:3.0.0',
    ['inspect', '--raw', 'docker://docker.io/langfuse/langfuse:3.0.0'],
    ['copy', '--all', '--preserve-digests', `docker://${FROM}`, `docker://${TO}`],
  ],
  [
    'crane',
    'crane',
    'docker.io/langfuse/langfuse:3.0.0',
    ['manifest', 'docker.io/langfuse/langfuse:3.0.0'],
    ['copy', FROM, TO],
  ],
])('%s looks images up and copies them by digest', async (file, name, reference, inspect, copy) => {
  await install(file, `printf '%s' '${INDEX}'`)
  const tool = await found()
  expect(tool.name).toBe(name)
  expect(await tool.inspect(reference)).toEqual({
    digest: `sha256:${createHash('sha256').update(INDEX).digest('hex')}`,
    platforms: ['linux/amd64', 'linux/arm64'],
    manifests: 4,
  })
  await tool.copy(FROM, TO, never)
  expect(await calls(file)).toEqual([inspect, copy])
})

test('the first that works is taken: a docker without buildx is passed over', async () => {
  await install('docker', `echo 'docker: unknown command: docker buildx' >&2; exit 1`)
  await install('crane', 'exit 0')
  expect((await found()).name).toBe('crane')
  await install('skopeo', 'exit 0')
  expect((await found()).name).toBe('skopeo')
})

test('where there is none, there is none', async () => {
  expect(await findImageTool({ PATH: folder })).toBeUndefined()
})

test('a single manifest names no platform', async () => {
  await install('crane', `printf '%s' '{"config":{"digest":"sha256:1"}}'`)
  expect(await (await found()).inspect('docker.io/langfuse/langfuse:3.0.0')).toMatchObject({
    platforms: undefined,
  })
})

test.each([
  ['docker', 'ERROR: docker.io/langfuse/langfuse:9.9.9: not found'],
  ['skopeo', 'FATA[0001] Error parsing image name: reading manifest 9.9.9: manifest unknown'],
  ['crane', 'Error: fetching manifest: GET https://index.docker.io: MANIFEST_UNKNOWN: unknown tag=9.9.9'],
])('%s that finds no image is an answer, not an error', async (file, words) => {
  await install(file, `[ "$#" -le 2 ] && [ "$1" != manifest ] && exit 0; echo '${words}' >&2; exit 1`)
  expect(await (await found()).inspect('docker.io/langfuse/langfuse:9.9.9')).toBeUndefined()
})

/** Works, but for inspecting and copying. */
const failsWith = (words: string) =>
  install('crane', `[ "$1" = version ] && exit 0; echo 'first' >&2; echo '${words}' >&2; exit 1`)

test.each([
  [
    'denied: Your authorization token has expired. Reauthenticate and try again.',
    /aws-actions\/amazon-ecr-login/,
  ],
  [
    'POST https://x/blobs/uploads/: unexpected status code 401 Unauthorized',
    /log in to ECR in a step before/,
  ],
  ['no basic auth credentials', /log in to ECR in a step before/],
  ['TOOMANYREQUESTS: You have reached your pull rate limit', /docker\/login-action\), or wait/],
  ['ImageTagAlreadyExistsException: the tag is immutable', /already exists and is immutable: run again/],
  ['dial tcp: i/o timeout', /: first dial tcp: i\/o timeout\.$/],
])('a copy that fails with "%s" says what to do', async (words, remedy) => {
  await failsWith(words)
  const copy = (await found()).copy(FROM, TO, never)
  await expect(copy).rejects.toThrow(remedy)
  await expect(copy).rejects.toThrow(/crane could not copy docker\.io\/langfuse\/langfuse@sha256:/)
})

test('a source that is denied names the input', async () => {
  await failsWith('insufficient_scope: authorization failed')
  await expect((await found()).inspect('docker.io/private/langfuse:3.0.0')).rejects.toThrow(
    /could not read .*: check the name in `mirror-from`, and log in/,
  )
})

test.each(['--help', 'a b:1', '; rm -rf /', '$(id)', 'docker.io/x:1\n--y', '-v'])(
  'what is no image reference never reaches the program: %j',
  async reference => {
    await install('crane', 'exit 0')
    const tool = await found()
    await expect(tool.inspect(reference)).rejects.toThrow(/is not an image reference/)
    await expect(tool.copy(FROM, reference, never)).rejects.toThrow(/is not an image reference/)
    await expect(tool.copy(reference, TO, never)).rejects.toThrow(/is not an image reference/)
    expect(await calls('crane')).toEqual([])
  },
)

test('a cancelled copy ends the program', async () => {
  await install('crane', `[ "$1" = version ] && exit 0; exec /bin/sleep 60`)
  const controller = new AbortController()
  const copy = (await found()).copy(FROM, TO, controller.signal)
  controller.abort()
  await expect(copy).rejects.toThrow(/could not copy/)
})
