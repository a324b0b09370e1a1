import { expect, test } from '@jest/globals'
import { nextSteps } from '../../src/entries/conclusions.ts'
import type { StepResult } from '../../src/execute/execution.ts'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { lastingWarnings, planDeploy } from '../../src/plan/plan-deploy.ts'
import { oldWebOf } from '../../src/plan/plan-migrate.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import type { TargetImage, Targets } from '../../src/stack/targets.ts'
import { fakeRunner } from '../support/runner.ts'
import { DIGEST, FACTS, onRelease, REGISTRY, stackOn2, stackOn3 } from '../support/stack.ts'

function image(name: string, digest: string): TargetImage {
  return {
    asked: `${REGISTRY}/${name}:3.0.0`,
    reference: `${REGISTRY}/${name}@${digest}`,
    digest,
    version: '3.0.0',
    presence: 'present',
  }
}

const WEB = image('langfuse-web', DIGEST.web3)
const WORKER = image('langfuse-worker', DIGEST.worker3)

function planned(
  stack: Stack,
  inputs: Record<string, string> = {},
  targets: Targets = { web: WEB, worker: WORKER },
) {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0', ...inputs }))
  const question = { config, stack, targets, facts: FACTS }
  const plan = planDeploy(question)
  if (plan.kind === 'refusal') throw new Error(plan.problems.join(' '))
  return { plan, question, oldWeb: oldWebOf(plan.steps, question) }
}

const HAZARD =
  /the web of Langfuse 2\.93\.7 still serves but cannot restart \("no migration found for version 6" of ClickHouse's schema\)/

test('the plan warns that the old web cannot start again once ClickHouse is migrated', () => {
  expect(planned(stackOn2()).plan.warnings).toContainEqual(expect.stringMatching(HAZARD))
})

test('the summary of a deploy repeats no warning that the deploy has settled', () => {
  const elsewhere = { ...WEB, asked: 'ghcr.io/x/web:3.0.1', version: '3.0.1', presence: 'unchecked' as const }
  const { plan, question } = planned(stackOn2(), {}, { web: elsewhere, worker: WORKER })
  const after = lastingWarnings(plan, question, stackOn3())
  const said = (text: RegExp) => [plan.warnings, after].map(list => list.some(warning => text.test(warning)))
  expect(said(HAZARD)).toEqual([true, false])
  expect(said(/has the tag 3\.0\.1, but `version` is 3\.0\.0/)).toEqual([true, true])
})

const two = stackOn2()
const at = (head: number) => known({ version: '24.8.7', timezone: 'UTC', head, dirty: false }, 'x')

test.each<readonly [string, ReturnType<typeof planned>]>([
  ['ClickHouse has the schema already', planned(stackOn2({ clickhouseStore: at(6) }))],
  ['the migrations run with the new web', planned(two, { migrate: 'boot' })],
  [
    'the old web migrates no ClickHouse',
    planned(
      stackOn2({
        web: {
          ...two.web,
          environment: { ...two.web.environment, LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED: 'true' },
        },
      }),
    ),
  ],
])('%s: it does not', (_, { plan, oldWeb }) => {
  expect(oldWeb).toBeUndefined()
  expect(plan.warnings.join()).not.toMatch(/cannot restart/)
})

test('a web that is new already, or that knows the schema, can start again', () => {
  const { plan } = planned(two)
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0' }))
  const question = { config, stack: two, targets: {}, facts: FACTS }
  const withoutWeb = plan.steps.filter(step => step.kind !== 'roll-app-runner')
  expect(oldWebOf(plan.steps, question)).toEqual({ from: '2.93.7', to: '3.0.0', head: 6 })
  expect(oldWebOf(withoutWeb, question)).toBeUndefined()
  const restored = { ...two, web: { ...two.web, image: stackOn3().web.image }, worker: stackOn3().worker }
  expect(oldWebOf(plan.steps, { ...question, stack: restored })).toBeUndefined()
})

test('where nobody can count ClickHouse migrations it warns all the same', () => {
  const unseen = unknown<never>('x', 'not-asked')
  const blind = onRelease(stackOn2({ postgres: unseen, clickhouseStore: unseen }), '2.92.9')
  expect(planned(blind).plan.warnings).toContainEqual(
    expect.stringMatching(/the web of Langfuse 2\.92\.9 still serves/),
  )
})

function results(plan: Plan, states: Readonly<Record<string, StepResult['state']>>): readonly StepResult[] {
  return plan.steps.map(step => ({
    step,
    state: states[step.kind] ?? 'not-started',
    sentence: '',
    evidence: [],
    startedAt: undefined,
    endedAt: undefined,
    counts: { postgres: 0, clickhouse: 0, archivedRows: 0 },
  }))
}

test.each<readonly [string, Readonly<Record<string, StepResult['state']>>, boolean]>([
  ['the worker failed after the migrations', { migrate: 'done', 'roll-ecs': 'failed' }, true],
  ['the migrations failed half-way', { migrate: 'failed' }, true],
  ['nothing was migrated', {}, false],
  ['the new web is there', { migrate: 'done', 'roll-app-runner': 'done' }, false],
])('a deploy that stopped when %s', (_, states, told) => {
  const { plan, oldWeb } = planned(two)
  const [first] = nextSteps({ plan, steps: results(plan, states), oldWeb })
  const remedy =
    /^Deploy 3\.0\.0 again soon, or run the rollback action.*do not restart, scale or redeploy the web .*: it cannot start /
  if (told) expect(first).toMatch(remedy)
  else expect(first).toMatch(/^Fix the cause above/)
})
