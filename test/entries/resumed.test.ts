import { expect, test } from '@jest/globals'
import { resumed } from '../../src/entries/deploy.ts'
import { takenOver } from '../../src/entries/undo.ts'
import type { DeploymentRecord } from '../../src/ports/github.ts'
import type { Targets } from '../../src/stack/targets.ts'
import { stackOn2 } from '../support/stack.ts'

const image = (name: string, digit: number) => `registry.example/${name}@sha256:${String(digit).repeat(64)}`
const [OLD, NEW, OTHER] = [1, 3, 2]

function record(
  from: string,
  digits: readonly [web: number, worker: number, clickhouse: number],
): DeploymentRecord {
  const [web, worker, clickhouse] = digits
  const images = {
    web: image('web', web),
    worker: image('worker', worker),
    clickhouse: image('clickhouse', clickhouse),
  }
  return {
    schema: 1,
    from,
    to: '3.0.0',
    images,
    taskDefinitions: {},
    postgresMigrations: undefined,
    clickhouseHead: undefined,
  }
}

const target = (name: string) => ({
  asked: name,
  reference: image(name, NEW),
  digest: undefined,
  version: '3.0.0',
  presence: 'present' as const,
})
const TARGETS: Targets = { web: target('web'), worker: target('worker') }

test('what an earlier run of this deploy has changed goes back to what ran before that run', () => {
  const earlier = record('2.93.7', [OLD, OLD, OLD])
  const own = record('3.0.0', [OLD, NEW, OLD])
  expect(resumed(own, earlier, TARGETS)).toMatchObject({
    from: '2.93.7',
    images: { web: image('web', OLD), worker: image('worker', OLD) },
  })
})

test('migrations of an earlier run of this deploy are no state from before, also if it changed no image', () => {
  const earlier = { ...record('2.93.7', [OLD, OLD, OLD]), postgresMigrations: 271, clickhouseHead: 5 }
  const own = {
    ...record('2.93.7', [OLD, OLD, OLD]),
    postgresMigrations: 273,
    postgresAhead: ['20241124115100_a'],
    clickhouseHead: 6,
  }
  expect(resumed(own, earlier, TARGETS)).toEqual(earlier)
})

test('what somebody changed in between stays as this run found it', () => {
  const own = record('2.93.7', [OTHER, OTHER, OTHER])
  expect(resumed(own, record('2.92.0', [OLD, OLD, OLD]), TARGETS)).toEqual(own)
})

test('a record that names an image of another repository is not followed', () => {
  const forged = record('2.93.7', [OLD, OLD, OLD])
  const own = record('3.0.0', [OLD, NEW, OLD])
  const images = { ...forged.images, worker: image('elsewhere', OLD) }
  expect(resumed(own, { ...forged, images }, TARGETS)).toEqual(own)
})

test('what somebody else deployed during the deploy is not undone; what it and AWS left is', () => {
  const before = stackOn2()
  const runs = (reference: string, digest: string | undefined, deployments = 1) => {
    const { image, service } = before.worker
    const all = Array.from({ length: deployments }, () => service.deployments).flat()
    const worker = {
      ...before.worker,
      image: { ...image, reference, digest },
      service: { ...service, deployments: all },
    }
    return takenOver({ stack: before, steps: [] }, { ...before, worker }, TARGETS)
  }
  const { digest } = before.worker.image
  const [foreign] = runs('registry.example/langfuse-worker:3.0.1', `sha256:${'9'.repeat(64)}`)
  expect(foreign).toBe('Somebody else deployed `langfuse-worker:3.0.1` to worker during this deploy.')
  expect(runs('registry.example/langfuse-worker:3.0.1', digest, 2)).toEqual([foreign])
  expect(runs(image('worker', NEW), undefined)).toEqual([])
  expect(runs('registry.example/langfuse-worker:other-name', digest)).toEqual([])
})
