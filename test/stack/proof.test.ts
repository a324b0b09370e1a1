import { expect, test } from '@jest/globals'
import { readRollbackConfig } from '../../src/inputs/config.ts'
import type { PostgresIdentity } from '../../src/stack/identity.ts'
import { keepProofs, type Proof, proofsOf } from '../../src/stack/proof.ts'
import { known, type Stack, unknown } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { identity, stackOn2 } from '../support/stack.ts'

const WORKER = 'arn:aws:ecs:ap-northeast-1:123456789012:service/langfuse/langfuse_worker'
const SECRET = { DATABASE_URL: 'arn:aws:secretsmanager:eu:1:secret:url' }

type Configured = {
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string>>
}

function stackWith(
  seen: Partial<PostgresIdentity>,
  { environment = {}, secrets = {} }: Configured = {},
): Stack {
  const stack = stackOn2()
  const { worker, probe } = stack
  return {
    ...stack,
    worker: { ...worker, container: { ...worker.container, environment, secrets } },
    probe: { ...probe, name: unknown('not asked', 'not-asked'), identity: known(identity(seen), 'db') },
  }
}

const direct = (inputs: Readonly<Record<string, string>> = {}) =>
  readRollbackConfig(
    fakeRunner('rollback', {
      network: 'direct',
      'database-url': 'postgresql://u:p@aurora/langfuse',
      'clickhouse-url': 'http://clickhouse.langfuse.local:8123',
      'redis-url': 'rediss://:p@cache:6379',
      ...inputs,
    }),
  )

test("what the agent reaches is the worker's by construction", () => {
  const config = readRollbackConfig(fakeRunner('rollback', { network: 'task' }))
  const states = Object.values(proofsOf(stackWith({}), config)).map(({ state }) => state)
  expect(states).toEqual(['proven', 'proven', 'proven'])
})

test.each<readonly [string, Proof['state'], Partial<PostgresIdentity>, Configured, RegExp]>([
  [
    'a fresh session of a worker task',
    'proven',
    { usedBy: ['t1'] },
    { secrets: SECRET },
    /task t1 has a session/,
  ],
  [
    "this stack's mark",
    'proven',
    { mark: { worker: WORKER, server: identity().server } },
    { secrets: SECRET },
    /deploy of this stack marked it/,
  ],
  [
    "this stack's mark, copied to another server",
    'unproven',
    { mark: { worker: WORKER, server: '7 10.0.99.9 langfuse' } },
    { secrets: SECRET },
    /from a secret.*aurora:5432\/langfuse$/,
  ],
  [
    "another stack's mark",
    'other',
    { mark: { worker: `${WORKER}_staging`, server: identity().server } },
    { environment: { DATABASE_HOST: 'aurora' } },
    /aurora:5432\/langfuse is marked as the database of another stack, .*_staging$/,
  ],
  ['nothing', 'unproven', {}, { secrets: SECRET }, /reads its address from a secret/],
  [
    'the host of a plain DATABASE_URL',
    'proven',
    {},
    { environment: { DATABASE_URL: 'postgresql://x:y@AURORA:5432/langfuse?schema=public' } },
    /settings name the same address/,
  ],
  [
    'a custom name that is an alias of the same endpoint',
    'proven',
    {
      names: ['db.internal', 'x.cluster-1.rds.amazonaws.com'],
      configuredNames: ['configured.internal', 'x.cluster-1.rds.amazonaws.com'],
    },
    { environment: { DATABASE_HOST: 'configured.internal' } },
    /same address/,
  ],
  [
    'another host',
    'other',
    { host: 'staging', names: ['staging'] },
    { environment: { DATABASE_HOST: 'aurora', DATABASE_NAME: 'langfuse' } },
    /the worker uses aurora:5432\/langfuse, and `database-url` names staging:5432\/langfuse/,
  ],
  [
    'another database of the same host',
    'other',
    { database: 'staging' },
    { environment: { DATABASE_URL: 'postgresql://x:y@aurora/langfuse' } },
    /names aurora:5432\/staging/,
  ],
  [
    'another port of the same host',
    'other',
    { port: 6432 },
    { environment: { DATABASE_HOST: 'aurora:5432' } },
    /names aurora:6432/,
  ],
  [
    'another schema of the database that the worker has a session in',
    'other',
    { schema: 'staging', usedBy: ['t1'] },
    { environment: { DATABASE_URL: 'postgresql://x:y@aurora/langfuse' } },
    /the worker uses schema `public`, and `database-url` names schema `staging`/,
  ],
  [
    'a second schema with migrations, where the worker reads its own from a secret',
    'unproven',
    { usedBy: ['t1'], otherSchemas: ['staging'] },
    { secrets: SECRET },
    /names schema `public`, and the database has migrations in `staging` too/,
  ],
  [
    "the schema of the worker's DATABASE_ARGS",
    'proven',
    { schema: 'prod' },
    { environment: { DATABASE_HOST: 'aurora', DATABASE_ARGS: 'sslmode=require&schema=prod' } },
    /same address/,
  ],
  [
    'a schema beside secret DATABASE_ARGS',
    'proven',
    { schema: 'prod' },
    { environment: { DATABASE_HOST: 'aurora' }, secrets: { DATABASE_ARGS: 'arn:args' } },
    /same address/,
  ],
  [
    'a tunnel to somewhere',
    'unproven',
    { host: 'localhost', names: ['localhost'] },
    { environment: { DATABASE_HOST: 'aurora' } },
    /the worker uses aurora:5432, and `database-url` names localhost:5432/,
  ],
  [
    'a host beside a secret URL, which wins',
    'unproven',
    {},
    { environment: { DATABASE_HOST: 'aurora' }, secrets: SECRET },
    /secret/,
  ],
])('PostgreSQL with %s is %s', (_what, state, seen, configured, says) => {
  const { postgres } = proofsOf(stackWith(seen, configured), direct())
  expect(postgres.state).toBe(state)
  expect(postgres.state === 'proven' ? postgres.by : postgres.why).toMatch(says)
})

const CLICKHOUSE = { CLICKHOUSE_URL: 'http://clickhouse.langfuse.local:8123' }
const TUNNEL = { 'clickhouse-url': 'http://localhost:18123' }
const TASK = 'ip-10-0-11-37.ap-northeast-1.compute.internal'
const ELSEWHERE = 'ip-10-1-11-37.ap-northeast-1.compute.internal'

test.each<
  readonly [
    string,
    Proof['state'],
    Readonly<Record<string, string>>,
    Readonly<Record<string, string>>,
    host: string,
  ]
>([
  ['the address of the worker', 'proven', {}, CLICKHOUSE, ''],
  ['another address', 'unproven', { 'clickhouse-url': 'http://staging:8123' }, CLICKHOUSE, ''],
  ['another database of it', 'other', { 'clickhouse-database': 'staging' }, CLICKHOUSE, ''],
  ['a tunnel', 'unproven', TUNNEL, CLICKHOUSE, ''],
  ["a tunnel to the running task, by the server's own name", 'proven', TUNNEL, CLICKHOUSE, TASK],
  ['an address that the worker reads from a secret', 'unproven', {}, {}, ''],
  [
    "the worker's name, which leads this runner to a server in another VPC",
    'other',
    {},
    CLICKHOUSE,
    ELSEWHERE,
  ],
])('ClickHouse with %s is %s', (_what, state, inputs, environment, host) => {
  const stack = stackWith({}, { environment })
  const { clickhouseStore: store } = stack
  const seen = store.known ? known({ ...store.value, host }, store.source) : store
  expect(proofsOf({ ...stack, clickhouseStore: seen }, direct(inputs)).clickhouse.state).toBe(state)
})

test.each<readonly [string, Proof['state'], Readonly<Record<string, string>>]>([
  ['the address of the worker', 'proven', { REDIS_HOST: 'cache' }],
  ['another address', 'unproven', { REDIS_CONNECTION_STRING: 'rediss://:x@other:6379' }],
  ['an address that the worker reads from a secret', 'unproven', {}],
])('Valkey with %s is %s', (_what, state, environment) => {
  expect(proofsOf(stackWith({}, { environment }), direct()).valkey.state).toBe(state)
})

test('two endpoints of one ElastiCache are one Valkey; a proxy has another name than its cluster', () => {
  const redis = { 'redis-url': 'rediss://:p@master.lf.x1.apne1.cache.amazonaws.com:6379' }
  const node = { REDIS_HOST: 'lf.x1.ng.0001.apne1.cache.amazonaws.com' }
  expect(proofsOf(stackWith({}, { environment: node }), direct(redis)).valkey.state).toBe('proven')
  const other = { REDIS_HOST: 'lf.x2.ng.0001.apne1.cache.amazonaws.com' }
  expect(proofsOf(stackWith({}, { environment: other }), direct(redis)).valkey.state).toBe('unproven')
  const proxied = { DATABASE_HOST: 'lf.proxy-x1.apne1.rds.amazonaws.com' }
  expect(proofsOf(stackWith({}, { environment: proxied }), direct()).postgres.state).toBe('unproven')
})

test('a proof from the beginning of the run holds while the worker restarts', () => {
  const before = proofsOf(stackWith({ usedBy: ['t1'] }, { secrets: SECRET }), direct())
  const now = proofsOf(stackWith({}, { secrets: SECRET }), direct())
  expect(now.postgres.state).toBe('unproven')
  expect(keepProofs(before, now).postgres).toEqual(before.postgres)
})
