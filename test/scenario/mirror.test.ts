import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { Image, Images } from '../../sandbox/aws/images.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { isWrite, step } from './support.ts'

/** `mirror-from` through `dist/`: 3.0.0 is on Docker Hub only, and a `crane` of our own copies into the sandbox. */
let folder: string
let stage: Stage
let hub: Hub

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-'))
  stage = await openStage({ folder, seed: false })
  const { images } = stage.stack.sandbox.world
  for (const name of ['langfuse-web:3.0.0', 'langfuse-worker:3.0.0', 'clickhouse:24.12.3'])
    images.remove(`${REGISTRY}/${name}`)
  hub = await startHub(images)
  await installCrane(join(folder, 'bin'), hub.url)
})

afterAll(async () => {
  await stage?.stop()
  hub?.server.close()
  await rm(folder, { recursive: true, force: true })
})

type Hub = {
  readonly server: Server
  readonly url: string
  /** The arguments of every call of the program. */
  readonly calls: string[][]
  /** ECR has no login. */
  denied: boolean
}

/** The registries that the program talks to: what it is asked for, answered from the sandbox's world. */
async function startHub(images: Images): Promise<Hub> {
  const calls: string[][] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const parameters = JSON.parse(body) as string[]
    calls.push(parameters)
    response.end(JSON.stringify(answer(parameters)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const made: Hub = { server, url: `http://127.0.0.1:${port}`, calls, denied: false }
  return made

  function answer([verb, from = '', to = '']: readonly string[]): { output?: string; complaint?: string } {
    if (verb === 'version') return { output: '0.20.3\n' }
    const image = images.anywhere(from)
    if (image === undefined)
      return { complaint: `Error: GET https://index.docker.io: MANIFEST_UNKNOWN: ${from}` }
    if (verb === 'manifest') return { output: image.manifests.text }
    if (made.denied) return { complaint: 'denied: Your authorization token has expired.' }
    images.mirror(from, to)
    return {}
  }
}

async function installCrane(bin: string, url: string): Promise<void> {
  const script = `#!${process.execPath}
const answer = await fetch('${url}', { method: 'POST', body: JSON.stringify(process.argv.slice(2)) })
const { output = '', complaint } = await answer.json()
process.stdout.write(output)
if (complaint !== undefined) {
  console.error(complaint)
  process.exitCode = 1
}
`
  await mkdir(bin)
  await writeFile(join(bin, 'crane.mjs'), script)
  await writeFile(
    join(bin, 'crane'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(bin, 'crane.mjs')}' "$@"\n`,
  )
  await chmod(join(bin, 'crane'), 0o755)
}

const UPGRADE = {
  version: '3.0.0',
  'clickhouse-version': '24.12.3',
  'mirror-from': 'docker.io/langfuse',
  backup: 'false',
  'on-failure': 'stop',
}

async function deploy(inputs: Readonly<Record<string, string>>, path = join(folder, 'bin')) {
  const { requests } = stage.stack.sandbox
  const from = requests.length
  hub.calls.length = 0
  const result = await stage.run('deploy', inputs, { env: { PATH: path } })
  return {
    result,
    writes: requests.slice(from).filter(isWrite),
    copies: hub.calls.filter(call => call[0] === 'copy'),
  }
}

const problemsOf = (report: unknown) => (report as { problems: readonly string[] }).problems
const source = (name: string): Image => {
  const image = stage.stack.sandbox.world.images.anywhere(`docker.io/${name}`)
  if (image === undefined) throw new Error(`Docker Hub has no ${name}`)
  return image
}
const copyOf = (from: string, to: string) => [
  'copy',
  `docker.io/${from.split(':')[0]}@${source(from).digest}`,
  `${REGISTRY}/${to}`,
]

test('without `mirror-from` the missing images are refused', async () => {
  const { result, writes } = await deploy({ ...UPGRADE, 'mirror-from': '' })
  expect(result.outputs['outcome']).toBe('refused')
  expect(problemsOf(result.report)).toEqual(
    expect.arrayContaining([expect.stringMatching(/langfuse-web:3\.0\.0` does not exist in its registry/)]),
  )
  expect(writes).toEqual([])
})

test('a runner without docker buildx, skopeo or crane is refused with what to do', async () => {
  const { result, writes } = await deploy(UPGRADE, join(folder, 'nothing'))
  expect(result.outputs['outcome']).toBe('refused')
  expect(problemsOf(result.report)).toHaveLength(3)
  expect(problemsOf(result.report).join()).toMatch(
    /no tool to copy it from .*\(docker with buildx, skopeo or crane\)/,
  )
  expect(writes).toEqual([])
})

test('a source that does not exist is refused', async () => {
  const { result } = await deploy({ ...UPGRADE, 'mirror-from': 'docker.io/nobody' })
  expect(result.outputs['outcome']).toBe('refused')
  expect(problemsOf(result.report).join()).toMatch(
    /neither does its source `docker\.io\/nobody\/langfuse:3\.0\.0`/,
  )
})

test('a push that ECR denies stops before anything that runs is changed, and names the login', async () => {
  hub.denied = true
  const { result, writes } = await deploy(UPGRADE).finally(() => {
    hub.denied = false
  })
  expect(result.outputs).toMatchObject({ outcome: 'failed', 'current-version': '2.93.7' })
  const errors = result.commands.filter(({ command }) => command === 'error').map(error => error.message)
  expect(errors).toEqual([expect.stringMatching(/token has expired.*aws-actions\/amazon-ecr-login/)])
  expect(writes).toEqual([])
})

/** The last, which leaves the stage on 3.0.0. */
test('approved, copied and deployed', async () => {
  let approved = ''
  await step('the plan pins the digests of the sources and copies nothing', async () => {
    const { result, writes, copies } = await deploy({ ...UPGRADE, 'dry-run': 'true' })
    expect(result.outputs['outcome']).toBe('planned')
    approved = result.outputs['plan-digest'] ?? ''
    const { plan } = result.report as { plan: { steps: Record<string, string>[] } }
    expect(plan.steps.slice(0, 3).map(step => [step['kind'], step['component'], step['tool']])).toEqual([
      ['mirror', 'worker', 'crane'],
      ['mirror', 'clickhouse', 'crane'],
      ['mirror', 'web', 'crane'],
    ])
    expect(plan.steps.at(-1)).toMatchObject({
      component: 'web',
      to: `${REGISTRY}/langfuse-web@${source('langfuse/langfuse:3.0.0').digest}`,
    })
    expect([...writes, ...copies]).toEqual([])
    // The article's repositories keep five images, and ECR counts each platform's manifest and each attestation.
    const { warnings } = result.report as { warnings: string[] }
    for (const name of ['worker', 'ClickHouse', 'web'])
      expect(warnings).toContainEqual(
        expect.stringMatching(
          new RegExp(`^Copying the ${name} image adds 5 images in ECR, .* deletes the running image`),
        ),
      )
  })

  await step(
    'the approved plan copies by digest, with every platform, and deploys what it copied',
    async () => {
      const { result, copies } = await deploy({ ...UPGRADE, 'plan-digest': approved })
      expect(result.outputs).toMatchObject({ outcome: 'deployed', 'current-version': '3.0.0' })
      expect(copies).toEqual([
        copyOf('langfuse/langfuse-worker:3.0.0', 'langfuse-worker:3.0.0'),
        copyOf('clickhouse/clickhouse-server:24.12.3', 'clickhouse:24.12.3'),
        copyOf('langfuse/langfuse:3.0.0', 'langfuse-web:3.0.0'),
      ])
      const { images } = stage.stack.sandbox.world
      expect(images.find(`${REGISTRY}/langfuse-web:3.0.0`)).toMatchObject({
        found: true,
        image: {
          digest: source('langfuse/langfuse:3.0.0').digest,
          platforms: ['linux/amd64', 'linux/arm64'],
        },
      })
      expect(result.stdout).toMatch(/crane copies docker\.io\/langfuse\/langfuse@sha256:/)
    },
  )

  await step('what is in the repository is not looked up and not copied again', async () => {
    const { result, writes } = await deploy(UPGRADE)
    expect(result.outputs['outcome']).toBe('unchanged')
    expect(hub.calls.map(([verb]) => verb)).toEqual(['version'])
    expect(writes).toEqual([])
  })
})
