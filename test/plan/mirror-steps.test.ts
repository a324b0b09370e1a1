import { expect, test } from '@jest/globals'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import type { Backups } from '../../src/stack/observe-backups.ts'
import { known } from '../../src/stack/stack.ts'
import type { TargetImage, Targets } from '../../src/stack/targets.ts'
import { fakeRunner } from '../support/runner.ts'
import { DIGEST, FACTS, REGISTRY, stackOn2, stackOn3 } from '../support/stack.ts'

function image(name: string, digest: string, over: Partial<TargetImage> = {}): TargetImage {
  return {
    asked: `${REGISTRY}/${name}:3.0.0`,
    reference: `${REGISTRY}/${name}@${digest}`,
    digest,
    version: '3.0.0',
    presence: 'present',
    ...over,
  }
}

const FROM = `docker.io/langfuse/langfuse@${DIGEST.web3}`
const WEB = image('langfuse-web', DIGEST.web3, { mirror: { from: FROM, tool: 'crane' } })
const WORKER = image('langfuse-worker', DIGEST.worker3)
const CLUSTER = { id: 'db', engine: 'aurora-postgresql', status: 'available', endpoints: [], instances: [] }
const BACKUPS: Backups = { database: known(CLUSTER, 'x'), files: known(undefined, 'x') }

function plan(targets: Targets, stack = stackOn2()): Plan | Refusal {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0' }))
  return planDeploy({ config, stack, targets, facts: FACTS, backups: BACKUPS })
}

test('an image is copied before anything else, even before the backup, and the rollout pins its digest', () => {
  const { steps } = plan({ web: WEB, worker: WORKER }) as Plan
  expect(steps[0]).toMatchObject({
    kind: 'mirror',
    component: 'web',
    from: FROM,
    to: `${REGISTRY}/langfuse-web:3.0.0`,
    tool: 'crane',
  })
  expect(steps[1]).toMatchObject({ kind: 'backup-database' })
  expect(steps.filter(step => step.kind === 'mirror')).toHaveLength(1)
  expect(steps.at(-1)).toMatchObject({ component: 'web', to: `${REGISTRY}/langfuse-web@${DIGEST.web3}` })
})

test('an image that runs already is not copied for the sake of its tag', () => {
  const result = plan({ web: WEB, worker: WORKER }, stackOn3()) as Plan
  expect(result.steps.map(step => step.kind)).not.toContain('mirror')
})

test('why an image cannot be copied is the refusal', () => {
  const missing: TargetImage = {
    ...image('langfuse-web', DIGEST.web3),
    digest: undefined,
    presence: 'missing',
    problem: 'The image does not exist, and neither does its source: correct `mirror-from`.',
  }
  expect(plan({ web: missing, worker: WORKER })).toMatchObject({
    kind: 'refusal',
    problems: expect.arrayContaining([missing.problem]),
  })
})
