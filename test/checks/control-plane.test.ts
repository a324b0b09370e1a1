import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import DEFECTS from '../../docs/module-defects.json' with { type: 'json' }
import type { CheckState } from '../../src/checks/check.ts'
import { CHECKS, type CheckId, runChecks } from '../../src/checks/run.ts'
import { type Expiry, expiryOf } from '../../src/release/lifecycle.ts'
import type { Release } from '../../src/release/release.ts'
import type { ImageRepository, Registry } from '../../src/stack/observe-images.ts'
import { known, type Stack, unknown } from '../../src/stack/stack.ts'
import { soundStack } from '../support/sound.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

/** What no stage of the sandbox can be, and what a check must not say. The faults of `npm run faults` are the rest. */
async function resultOf(id: CheckId, stack: Stack, expected = '2.93.7', facts = FACTS) {
  const chosen = CHECKS.filter(check => check.id === id)
  const [result] = await runChecks(chosen, { stack, expected: expected as Release, facts })
  return result
}

const repos = (stack: Stack, change: (repo: ImageRepository) => Partial<ImageRepository>): Stack => {
  const { registry } = stack.infrastructure
  if (!registry.known) return stack
  const changed: Registry = {
    ...registry.value,
    repos: registry.value.repos.map(repo => ({ ...repo, ...change(repo) })),
  }
  return { ...stack, infrastructure: { ...stack.infrastructure, registry: known(changed, 'ecr') } }
}

const pinnedByDigest = (stack: Stack): Stack => {
  const pin = <Part extends Stack['worker'] | Stack['web']>(part: Part): Part => ({
    ...part,
    image: { ...part.image, reference: `${part.image.repository}@${part.image.digest}` },
  })
  return { ...stack, web: pin(stack.web), worker: pin(stack.worker), clickhouse: pin(stack.clickhouse) }
}

const released = (version: string, mislabelled?: string) => ({
  ...FACTS,
  release: () => ({
    version,
    date: '2026-01-01',
    reportedVersion: version,
    postgresMigrations: 0,
    lastPostgresMigration: '',
    clickhouseHead: 0,
    ...(mislabelled !== undefined && { mislabelled }),
  }),
})

type Case = readonly [
  situation: string,
  check: CheckId,
  stack: Stack,
  state: CheckState,
  says: RegExp,
  expected?: string,
  facts?: typeof FACTS,
]

const CASES: readonly Case[] = [
  [
    'tags that can be moved, under images that are pinned by digest',
    'image-mutability',
    pinnedByDigest(
      repos(soundStack(), ({ settings }) => ({ settings: { ...settings, mutability: 'MUTABLE' } })),
    ),
    'passed',
    /can be moved, but the running images are pinned by digest/,
  ],
  [
    'images that are pinned by digest, and nobody could look into ECR',
    'image-tags',
    pinnedByDigest({
      ...soundStack(),
      infrastructure: { ...soundStack().infrastructure, registry: unknown('denied', 'unreachable') },
    }),
    'passed',
    /named by its digest/,
  ],
  [
    'images from elsewhere',
    'image-retention',
    {
      ...soundStack(),
      infrastructure: { ...soundStack().infrastructure, registry: known({ repos: [], at: 0 }, 'ecr') },
    },
    'skipped',
    /No running image comes from ECR/,
  ],
  [
    'a lifecycle policy that is no JSON',
    'image-retention',
    repos(soundStack(), ({ settings }) => ({ settings: { ...settings, lifecycle: '<policy/>' } })),
    'warning',
    /its policy cannot be read/,
  ],
  [
    'a policy that deletes what a rollback needs',
    'rollback-image',
    repos(soundStack(), ({ settings }) => ({
      settings: {
        ...settings,
        lifecycle: JSON.stringify({
          rules: [{ selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 1 } }],
        }),
      },
    })),
    'warning',
    /deletes the image for a rollback: web image in langfuse-web within a day/,
  ],
  [
    'the mislabelled release (row 2)',
    'sound-release',
    soundStack(),
    'failed',
    /images of Langfuse 3\.28\.2 contain 2\.95\.1: they were published under a wrong tag/,
    '3.28.2',
    released('3.28.2', '2.95.1'),
  ],
  [
    'a release that cannot migrate on EFS (row 5)',
    'sound-release',
    soundStack(),
    'failed',
    /Langfuse 3\.210\.0 fails in ClickHouse migration 36 .* EFS, .*deploy 3\.213\.0/,
    '3.210.0',
    released('3.210.0'),
  ],
  [
    'the same where its migration got through',
    'sound-release',
    {
      ...soundStack(),
      clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: 36, dirty: false }, 'x'),
    },
    'warning',
    /applied ClickHouse migration 36 here/,
    '3.210.0',
    released('3.210.0'),
  ],
  [
    'a ClickHouse that is too old for v4',
    'clickhouse-minimum',
    soundStack(),
    'failed',
    /Langfuse 4\.16\.0 needs ClickHouse 25\.12 or newer, but 24\.8\.7 is older/,
    '4.16.0',
  ],
  [
    'a PostgreSQL outside of RDS',
    'database-backups',
    {
      ...soundStack(),
      infrastructure: {
        ...soundStack().infrastructure,
        backups: {
          ...soundStack().infrastructure.backups,
          database: unknown('PostgreSQL runs at db.example.com, which is no endpoint of RDS', 'not-asked'),
        },
      },
    },
    'skipped',
    /PostgreSQL runs at db\.example\.com/,
  ],
  [
    'a release whose variables the catalog does not have',
    'environment-names',
    soundStack(),
    'skipped',
    /catalog does not list the variables of Langfuse 9\.0\.0/,
    '9.0.0',
    { ...FACTS, environmentNames: () => new Set<string>() },
  ],
]

test.each(CASES.map(row => ({ situation: row[0], row })))('$situation', async ({ row }) => {
  const [, check, stack, state, says, expected, facts] = row
  expect(await resultOf(check, stack, expected, facts)).toMatchObject({
    state,
    sentence: expect.stringMatching(says),
  })
})

test('evidence that could not be had is inconclusive, evidence that nobody asked for is skipped; neither passes', async () => {
  const seen = soundStack()
  const ids = CHECKS.filter(check => check.needs.includes('infrastructure')).map(({ id }) => id)
  const own: CheckId[] = [
    'image-mutability',
    'image-retention',
    'rollback-image',
    'image-tags',
    'database-backups',
    'file-backups',
    'database-version',
  ]
  expect(ids).toEqual(expect.arrayContaining(own))
  for (const [because, state] of [
    ['unreachable', 'inconclusive'],
    ['no-evidence', 'inconclusive'],
    ['not-asked', 'skipped'],
  ] as const) {
    const nothing = unknown<never>('AWS denied it', because)
    const backups = { database: nothing, files: nothing, at: 0 }
    const blind = { ...seen, infrastructure: { ...seen.infrastructure, registry: nothing, backups } }
    for (const id of own) {
      const result = await resultOf(id, blind)
      expect([id, result?.state]).toEqual([id, id === 'image-tags' ? 'inconclusive' : state])
    }
  }
})

const DAY = 86_400_000
const image = (digest: string, days: number, ...tags: readonly string[]) => ({
  digest,
  tags,
  pushedAt: 100 * DAY - days * DAY,
})
const IMAGES = [
  image('new', 1, '3.2.0'),
  image('mid', 5, '3.1.0', 'prod-3.1.0'),
  image('old', 40, '3.0.0'),
  image('bare', 41),
]
const policy = (...selections: readonly object[]) =>
  JSON.stringify({
    rules: selections.map((selection, index) => ({
      rulePriority: index + 1,
      selection,
      action: { type: 'expire' },
    })),
  })
const keep = (countNumber: number, more: object = { tagStatus: 'any' }) => ({
  ...more,
  countType: 'imageCountMoreThan',
  countNumber,
})
const age = (countNumber: number, more: object = { tagStatus: 'any' }) => ({
  ...more,
  countType: 'sinceImagePushed',
  countUnit: 'days',
  countNumber,
})

const EXPIRIES: readonly (readonly [string, string, string | undefined, Expiry | undefined])[] = [
  ['no policy', 'old', undefined, undefined],
  ['an image that is not there', 'gone', policy(keep(1)), undefined],
  ['untagged images only', 'old', policy(keep(1, { tagStatus: 'untagged' })), undefined],
  [
    'untagged images only, and it is one',
    'bare',
    policy(keep(1, { tagStatus: 'untagged' })),
    { kind: 'pushes', left: 1 },
  ],
  ['the newest five', 'new', policy(keep(5)), { kind: 'pushes', left: 5 }],
  ['the newest five, third of them', 'old', policy(keep(5)), { kind: 'pushes', left: 3 }],
  ['the newest two, and it is the third', 'old', policy(keep(2)), { kind: 'pushes', left: 0 }],
  ['thirty days, and it is younger', 'mid', policy(age(30)), { kind: 'days', left: 25 }],
  ['thirty days, and it is older', 'old', policy(age(30)), { kind: 'days', left: -10 }],
  [
    'a prefix that it has',
    'mid',
    policy(keep(3, { tagStatus: 'tagged', tagPrefixList: ['prod'] })),
    { kind: 'pushes', left: 3 },
  ],
  [
    'a prefix that it has not',
    'old',
    policy(keep(3, { tagStatus: 'tagged', tagPrefixList: ['prod'] })),
    undefined,
  ],
  [
    'two patterns, both of which it has',
    'mid',
    policy(age(9, { tagStatus: 'tagged', tagPatternList: ['3.*', 'prod*'] })),
    { kind: 'days', left: 4 },
  ],
  [
    'two patterns, one of which it has',
    'old',
    policy(age(9, { tagStatus: 'tagged', tagPatternList: ['3.*', 'prod*'] })),
    undefined,
  ],
  [
    'a pattern whose dot is no wildcard',
    'mid',
    policy(age(9, { tagStatus: 'tagged', tagPatternList: ['prod.3.1.0'] })),
    undefined,
  ],
  ['the soonest of two rules', 'new', policy(keep(9), age(3)), { kind: 'days', left: 2 }],
  [
    'a rule that archives',
    'old',
    JSON.stringify({ rules: [{ selection: keep(1), action: { type: 'transition' } }] }),
    undefined,
  ],
  ['no JSON', 'old', 'nothing', { kind: 'unreadable' }],
]

test('one push of an image for two platforms is five images, so the newest five are one push', () => {
  const push = (name: string, day: number) => [
    { digest: name, tags: [name], isIndex: true, pushedAt: day * DAY },
    ...['a', 'b', 'c', 'd'].map(part => ({ digest: `${name}${part}`, tags: [], pushedAt: day * DAY - 1 })),
  ]
  const images = [...push('3.0.0', 1), ...push('3.1.0', 2)]
  const expiry = (digest: string, selection: object) =>
    expiryOf({ digest, images, policy: policy(selection), at: 3 * DAY })
  expect(expiry('3.1.0', keep(5))).toEqual({ kind: 'pushes', left: 1 })
  expect(expiry('3.0.0', keep(5))).toEqual({ kind: 'pushes', left: 0 })
  expect(expiry('3.0.0', keep(20))).toEqual({ kind: 'pushes', left: 3 })
  expect(expiry('3.0.0', keep(5, { tagStatus: 'tagged', tagPrefixList: ['3'] }))).toEqual({
    kind: 'pushes',
    left: 4,
  })
})

test.each(EXPIRIES)('a lifecycle policy with %s', (_name, digest, text, expected) => {
  expect(expiryOf({ digest, images: IMAGES, policy: text, at: 100 * DAY })).toEqual(expected)
})

test('no sentence holds a value of the environment', async () => {
  const secret = 'hunter2hunter2'
  const environment = {
    ...stackOn2().worker.container.environment,
    SALT: secret,
    ENCRYPTION_KEY: secret,
    REDIS_AUTH: secret,
  }
  const sound = soundStack()
  const stack = {
    ...sound,
    worker: { ...sound.worker, container: { ...sound.worker.container, environment, secrets: {} } },
    web: {
      ...sound.web,
      environment: { ...sound.web.environment, DATABASE_URL: `postgresql://u:${secret}@h/d` },
    },
  }
  const results = await runChecks(CHECKS, { stack, expected: '2.93.7' as Release, facts: FACTS })
  expect(results.find(({ id }) => id === 'plain-secrets')).toMatchObject({
    state: 'warning',
    sentence: expect.stringMatching(
      /web \(`DATABASE_URL`\), worker \(`ENCRYPTION_KEY`, `REDIS_AUTH` and `SALT`\)/,
    ),
  })
  expect(JSON.stringify(results)).not.toContain(secret)
})

const moduleStack = (): Stack => {
  const { worker, clickhouse, ...stack } = stackOn2()
  const volumes = clickhouse.taskDefinition.volumes.map(volume => ({ ...volume, name: 'clickhouse_data' }))
  return {
    ...stack,
    worker: { ...worker, taskDefinition: { ...worker.taskDefinition, family: 'langfuse-worker' } },
    clickhouse: { ...clickhouse, taskDefinition: { ...clickhouse.taskDefinition, volumes } },
  }
}

const hintOn = async (stack: Stack) => {
  const results = await runChecks(CHECKS, { stack, expected: '2.93.7' as Release, facts: FACTS })
  return results.map(({ sentence }) => sentence).filter(sentence => /article's|\.tf\b/.test(sentence))
}

test("on the article's module a finding names the line to change", async () => {
  const { change, file, resource } = DEFECTS.percents
  expect(await hintOn(moduleStack())).toContainEqual(
    expect.stringContaining(
      `In Terraform module langfuse-v3-terraform: ${file}, ${resource}: \`${change}\`.`,
    ),
  )
})

const OTHERS: readonly (readonly [string, (stack: Stack) => Partial<Stack>])[] = [
  ['cluster', () => ({ cluster: 'production' })],
  [
    'task definition of the worker',
    ({ worker }) => ({
      worker: { ...worker, taskDefinition: { ...worker.taskDefinition, family: 'worker' } },
    }),
  ],
  ['volume of ClickHouse', () => ({ clickhouse: stackOn2().clickhouse })],
  [
    'name in Cloud Map',
    ({ worker }) => ({
      discovery: unknown('it has no registry', 'no-evidence'),
      worker: { ...worker, container: { ...worker.container, environment: {} } },
    }),
  ],
  [
    'web',
    ({ web, worker }) => ({
      web: {
        ...worker,
        ...web,
        component: 'web',
        platform: 'ecs',
        express: undefined,
        service: worker.service,
      },
    }),
  ],
]

test.each(OTHERS)(
  "a stack with another %s is not the article's: no finding names its lines",
  async (_, change) => {
    const stack = moduleStack()
    expect(await hintOn({ ...stack, ...change(stack) })).toEqual([])
  },
)

test('every line of the module is found by a check that there is, and is repaired in the example', () => {
  const example = readFileSync('examples/terraform/fixes/main.tf', 'utf8')
  const ids = CHECKS.map(({ id }) => id)
  for (const { check } of Object.values(DEFECTS)) {
    expect(ids).toContain(check)
    expect([check, example.includes(check)]).toEqual([check, true])
  }
})
