import { expect, test } from '@jest/globals'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { snapshotPrefix } from '../../src/plan/plan-backup.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import type { Database } from '../../src/ports/cloud.ts'
import type { Backups } from '../../src/stack/observe-backups.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import type { TargetImage, Targets } from '../../src/stack/targets.ts'
import { fakeRunner } from '../support/runner.ts'
import { DIGEST, FACTS, REGISTRY, stackOn2, stackOn3 } from '../support/stack.ts'

function image(name: string, digest: string): TargetImage {
  return {
    asked: `${REGISTRY}/${name}:3.0.0`,
    reference: `${REGISTRY}/${name}@${digest}`,
    digest,
    version: '3.0.0',
    presence: 'present',
  }
}

const TO_3: Targets = {
  web: image('langfuse-web', DIGEST.web3),
  worker: image('langfuse-worker', DIGEST.worker3),
}

const CLUSTER: Database = {
  kind: 'cluster',
  id: 'langfuse-postgres',
  engine: 'aurora-postgresql',
  status: 'available',
  endpoints: [],
}
const FILES = { fileSystem: 'fs-1', resource: 'arn:aws:efs', role: 'arn:aws:iam', vault: 'Default' }
const BOTH: Backups = { database: known(CLUSTER, 'endpoint db'), files: known(FILES, 'x') }

function plan(
  backups: Backups | undefined,
  stack: Stack = stackOn2(),
  inputs: Readonly<Record<string, string>> = {},
): Plan | Refusal {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0', ...inputs }))
  return planDeploy({ config, stack, targets: TO_3, facts: FACTS, backups })
}

const kinds = (result: Plan | Refusal) => (result.kind === 'plan' ? result.steps.map(step => step.kind) : [])

test('database and files are backed up before the first change', () => {
  const result = plan(BOTH) as Plan
  expect(kinds(result).slice(0, 2)).toEqual(['backup-database', 'backup-files'])
  expect(kinds(result).length).toBeGreaterThan(3)
  expect(result.steps[0]).toMatchObject({ prefix: 'langfuse-rollout-2-93-7-to-3-0-0' })
  expect(result.steps[1]).toMatchObject({ fileSystem: 'fs-1', vault: 'Default' })
  expect(result.warnings.join()).not.toMatch(/recovery point|snapshot/)
})

test('two looks give one digest: the time is not part of the plan', () => {
  expect((plan(BOTH) as Plan).digest).toBe((plan(BOTH) as Plan).digest)
})

/** Nothing to do: 3.0.0 runs and ClickHouse is deployed stop before start. */
function settled(): Stack {
  const stack = stackOn3()
  const settings = {
    ...stack.clickhouse.service.settings,
    minimumHealthyPercent: 0,
    maximumPercent: 100,
  }
  const service = { ...stack.clickhouse.service, settings }
  return { ...stack, clickhouse: { ...stack.clickhouse, service } }
}

test('where nothing is to be done nothing is backed up, and no missing permission stands in the way', () => {
  expect(plan(BOTH, settled())).toMatchObject({ kind: 'plan', steps: [] })
  const denied: Backups = { ...BOTH, database: unknown('AWS denied rds:DescribeDBClusters', 'no-evidence') }
  expect(plan(denied, settled())).toMatchObject({ kind: 'plan', steps: [] })
})

test('`backup: false` plans none', () => {
  expect(kinds(plan(undefined))).not.toContain('backup-database')
})

test.each<readonly [string, Backups, RegExp]>([
  [
    'a database that cannot be told',
    { ...BOTH, database: unknown('AWS denied rds:DescribeDBClusters', 'no-evidence') },
    /^Cannot take a snapshot of PostgreSQL: AWS denied rds:DescribeDBClusters\. Grant .*set `backup: false`\.$/,
  ],
  [
    'a cluster that is not available',
    { ...BOTH, database: known({ ...CLUSTER, status: 'stopped' }, 'x') },
    /Aurora cluster langfuse-postgres, because it is stopped\. Wait until it is available/,
  ],
])('%s is refused with the remedy, never skipped', (_what, backups, problem) => {
  expect(plan(backups)).toMatchObject({ kind: 'refusal', problems: [expect.stringMatching(problem)] })
})

test.each<readonly [string, Backups, RegExp]>([
  [
    'no vault',
    { ...BOTH, files: known({ ...FILES, vault: undefined }, 'x') },
    /^ClickHouse's data on fs-1 gets no recovery point: the account has no backup vault in this region/,
  ],
  [
    'vaults that may not be listed',
    { ...BOTH, files: unknown('AWS denied backup:ListBackupVaults', 'unreachable') },
    /^ClickHouse's data gets no recovery point before the first change: AWS denied backup:ListBackupVaults/,
  ],
  ['ClickHouse without EFS', { ...BOTH, files: known(undefined, 'x') }, /has no EFS volume/],
])('%s is a warning that says what is unprotected', (_what, backups, warning) => {
  const result = plan(backups)
  expect(result).toMatchObject({ kind: 'plan' })
  expect((result as Plan).warnings).toEqual(expect.arrayContaining([expect.stringMatching(warning)]))
  expect(kinds(result).filter(kind => kind.startsWith('backup'))).toHaveLength(1)
})

const DIRECT = { network: 'direct', 'database-url': 'postgresql://u:p@localhost:15432/langfuse' }

test.each<readonly [string, Readonly<Record<string, string>>, RegExp, RegExp]>([
  ['task', {}, /resolves to it, in the worker's DATABASE_URL\./, /`database-url`|agent\.json/],
  ['auto', {}, /docs\/iam\/agent\.json.* in the worker's DATABASE_URL\./, /`database-url`/],
  ['direct', DIRECT, /resolves to it, in `database-url`\./, /worker's|agent\.json/],
])(
  'a database that is not of RDS is refused with what `network: %s` can do',
  (network, inputs, remedy, other) => {
    const backups: Backups = { ...BOTH, database: unknown('PostgreSQL runs at db.example.com', 'not-asked') }
    const result = plan(backups, stackOn2(), { network, ...inputs })
    expect(result).toMatchObject({ kind: 'refusal', problems: [expect.stringMatching(remedy)] })
    const { problems } = result as Refusal
    expect(problems.join()).toMatch(/PostgreSQL runs at db\.example\.com.*set `backup: false`/)
    expect(problems.join()).not.toMatch(other)
  },
)

test('a single instance and a Multi-AZ DB cluster get a snapshot of their own kind', () => {
  const titleOf = (over: Partial<Database>) =>
    (plan({ ...BOTH, database: known({ ...CLUSTER, ...over }, 'x') }) as Plan).steps[0]
  expect(titleOf({ kind: 'instance', engine: 'postgres' })).toMatchObject({
    database: { kind: 'instance', id: 'langfuse-postgres' },
    title: 'RDS instance langfuse-postgres',
  })
  expect(titleOf({ engine: 'postgres' })).toMatchObject({
    database: { kind: 'cluster', id: 'langfuse-postgres' },
    title: 'Multi-AZ DB cluster langfuse-postgres',
  })
})

test.each([
  ['2.93.7', '3.0.0', 'langfuse-rollout-2-93-7-to-3-0-0'],
  [undefined, '3.0.0-rc.6', 'langfuse-rollout-unknown-to-3-0-0-rc-6'],
  ['3.0.0--x_', '4.0.0-very.long.prerelease', 'langfuse-rollout-3-0-0-x-to-4-0-0-very-l'],
])('a snapshot from %s to %s has a name that RDS takes', (from, to, prefix) => {
  expect(snapshotPrefix(from, to)).toBe(prefix)
  const name = `${prefix}-20261122-223400`
  expect(name).toMatch(/^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/)
})

test('no snapshot of a database that nothing proves to be this stack', () => {
  const { proofs } = stackOn2()
  const unproven = { state: 'unproven', why: 'the worker reads its address from a secret' } as const
  const stack = stackOn2({ proofs: { ...proofs, postgres: unproven } })
  expect(plan(BOTH, stack)).toMatchObject({
    kind: 'refusal',
    problems: [
      expect.stringMatching(
        /^Nothing proves that the PostgreSQL .*takes no snapshot of it\. Use `network: task`/,
      ),
    ],
  })
  expect(plan(undefined, stack).kind).toBe('plan')
})
