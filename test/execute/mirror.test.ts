import { expect, test } from '@jest/globals'
import { RolloutError } from '../../src/errors/errors.ts'
import { execute } from '../../src/execute/execute.ts'
import type { Mirror } from '../../src/plan/plan.ts'
import type { Ecr } from '../../src/ports/cloud.ts'
import type { ImageTool } from '../../src/ports/runner.ts'
import { executionOf } from '../support/execution.ts'
import { DIGEST, REGISTRY } from '../support/stack.ts'

const STEP: Mirror = {
  kind: 'mirror',
  component: 'web',
  from: `docker.io/langfuse/langfuse@${DIGEST.web3}`,
  to: `${REGISTRY}/langfuse-web:3.0.0`,
  tool: 'crane',
  reason: 'Why.',
}

/** An ECR that shows what was pushed two looks later, and a program that pushes `digest`. */
function worldWith(
  copy: (push: () => void, signal: AbortSignal) => Promise<void>,
  digest: string = DIGEST.web3,
) {
  let pushed = false
  let looks = 0
  const ecr: Partial<Ecr> = {
    image: async (repository, wanted) => {
      expect(repository.name).toBe('langfuse-web')
      expect(wanted).toEqual({ tag: '3.0.0' })
      looks += pushed ? 1 : 0
      return looks > 2 ? { digest, tags: ['3.0.0'], pushedAt: 0 } : undefined
    },
  }
  const copied: (readonly string[])[] = []
  const imageTool: ImageTool = {
    name: 'crane',
    inspect: async () => undefined,
    copy: async (from, to, signal) => {
      copied.push([from, to])
      await copy(() => {
        pushed = true
      }, signal)
    },
  }
  return { cloud: { ecr: ecr as Ecr }, imageTool, copied }
}

async function run(world: ReturnType<typeof worldWith>, signal = new AbortController().signal) {
  const { cloud, imageTool, copied } = world
  const execution = executionOf([STEP], cloud, { imageTool, signal })
  const [result] = await execute(execution, (_title, work) => work())
  return { result, said: execution.said, copied }
}

const pushes = async (push: () => void) => push()

test('the image is copied by digest under its tag, and ECR is believed, as late as it may show it', async () => {
  const { result, said, copied } = await run(worldWith(pushes))
  expect(result?.state).toBe('done')
  expect(copied).toEqual([[STEP.from, STEP.to]])
  expect(said).toContain(`crane copies ${STEP.from} to ${STEP.to}`)
})

test('another digest in ECR than the plan has stops the deploy', async () => {
  const { result } = await run(worldWith(pushes, DIGEST.web2))
  expect(result?.state).toBe('failed')
  expect(result?.sentence).toMatch(
    /has digest sha256:a2a2a2a2a2a2 in ECR, but the plan expects sha256:a3a3a3a3a3a3/,
  )
})

test('a copy that fails says the words of the program', async () => {
  const world = worldWith(async () => {
    throw new RolloutError('crane could not copy it: denied. Log in to ECR.')
  })
  expect((await run(world)).result).toMatchObject({
    state: 'failed',
    sentence: 'crane could not copy it: denied. Log in to ECR.',
  })
})

test('a cancelled copy is interrupted, and a second run copies again', async () => {
  const controller = new AbortController()
  const world = worldWith(async (_push, signal) => {
    controller.abort()
    throw new RolloutError(`ended: ${signal.aborted}`)
  })
  const { result } = await run(world, controller.signal)
  expect(result?.state).toBe('rolling')
  expect(result?.sentence).toMatch(
    /^The run was cancelled while .*langfuse-web:3\.0\.0 was being copied: run again to copy it/,
  )
})
