import { expect, test } from '@jest/globals'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import type { Cloud } from '../../src/ports/cloud.ts'
import type { Backups } from '../../src/stack/observe-backups.ts'
import { known, type Observed, unknown } from '../../src/stack/stack.ts'
import { observeRetention, type TargetImage, type Targets } from '../../src/stack/targets.ts'
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
const WEB = image('langfuse-web', DIGEST.web3, { mirror: { from: FROM, tool: 'crane', manifests: 5 } })
const WORKER = image('langfuse-worker', DIGEST.worker3)
const CLUSTER = {
  kind: 'cluster',
  id: 'db',
  engine: 'aurora-postgresql',
  status: 'available',
  endpoints: [],
} as const
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

test('a copy after which ECR deletes the running image is warned of, and so is one that nobody can tell', () => {
  const warningsWith = (expiresRunning: Observed<boolean>) => {
    const mirror = { from: FROM, tool: 'crane', manifests: 5, expiresRunning }
    return (plan({ web: { ...WEB, mirror }, worker: WORKER }) as Plan).warnings.filter(text =>
      /copying/i.test(text),
    )
  }
  expect(warningsWith(known(true, 'x'))).toEqual([
    expect.stringMatching(/^Copying the web image adds 5 images in ECR.* so a rollback cannot start it/),
  ])
  expect(warningsWith(unknown('it cannot be read', 'unreachable'))).toEqual([
    expect.stringMatching(/^It is unknown whether copying the web image .*, because it cannot be read\.$/),
  ])
  expect(warningsWith(known(false, 'x'))).toEqual([])
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

test('a copied image is newer than what is there, although the clock of this runner is an hour behind', async () => {
  const stack = stackOn2()
  const now = Date.UTC(2026, 10, 30)
  const running = {
    digest: stack.web.image.digest ?? '',
    tags: ['2.93.7'],
    isIndex: true,
    pushedAt: now + 3_600_000,
  }
  const rules = [{ selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 5 } }]
  const ecr = { lifecycle: async () => JSON.stringify({ rules }), images: async () => [running] }
  const targets = await observeRetention({ web: WEB }, { stack, cloud: { ecr } as unknown as Cloud, now })
  expect(targets.web?.mirror?.expiresRunning).toMatchObject({ known: true, value: true })
})
