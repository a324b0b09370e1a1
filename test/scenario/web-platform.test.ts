import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { expectThereAndBack } from './web-platform-support.ts'

/** App Runner takes no new customers: newer stacks have their web on an ECS service. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'web-platform-'))
  stage = await openStage({ folder, seed: false, webPlatform: 'ecs' })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a web on ecs is found, upgraded, verified and rolled back', async () => {
  await expectThereAndBack(stage, 'ecs')
})

test('a web on plain ECS without `url` cannot be asked, and the sentence says which input is missing', async () => {
  const result = await stage.run('verify', { url: '' })
  expect(result.outputs['outcome']).toBe('inconclusive')
  expect(result.commands.at(-1)?.message).toMatch(
    /runs on ECS service langfuse_web, which has no known public address: set input `url`/,
  )
})
