import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Platform } from '../../sandbox/aws/images.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { ecrAdapter } from '../../src/adapters/aws-ecr.ts'
import { withSandbox } from '../sandbox/aws-helpers.ts'

const before = { ...process.env }
const repository = { account: '123456789012', region: 'ap-northeast-1', name: 'langfuse-web' }

beforeEach(() => {
  process.env['AWS_MAX_ATTEMPTS'] = '1'
})
afterEach(() => {
  process.env = { ...before }
})

/** Pushes an image and asks the adapter for its platforms. */
async function platformsOf(sandbox: Sandbox, platforms: readonly Platform[], single: boolean) {
  Object.assign(process.env, sandbox.env)
  const program = { kind: 'scripted' as const }
  const image = { repository: repository.name, tags: ['3.0.0'], program, platforms, single }
  return ecrAdapter(repository.region).platforms(repository, sandbox.world.pushImage(image).digest)
}

test.each<readonly [string, readonly Platform[], boolean]>([
  ['an index of two platforms', ['linux/amd64', 'linux/arm64'], false],
  ['an index of one', ['linux/arm64'], false],
  ['a single manifest, whose configuration says it', ['linux/arm64'], true],
])('%s', async (_name, platforms, single) => {
  await withSandbox({}, async sandbox => {
    expect(await platformsOf(sandbox, platforms, single)).toEqual(platforms)
  })
})

test('what the policy does not let us read, and what is not there, is not known', async () => {
  await withSandbox({}, async sandbox => {
    expect(await platformsOf(sandbox, ['linux/amd64'], false)).toEqual(['linux/amd64'])
    const gone = `sha256:${'0'.repeat(64)}`
    expect(await ecrAdapter(repository.region).platforms(repository, gone)).toBeUndefined()
    sandbox.world.faults.add({ operation: 'BatchGetImage', kind: 'access-denied', times: 9 })
    expect(await platformsOf(sandbox, ['linux/amd64'], false)).toBeUndefined()
  })
})
