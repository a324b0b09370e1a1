import { expect, test } from '@jest/globals'
import { valkeyAt } from '../../src/adapters/valkey-client.ts'
import { clickhouseOf, databaseUrlOf, secretsIn, valkeyOf } from '../../src/agent/stores.ts'
import { redact } from '../../src/report/redact.ts'

test('PostgreSQL is where the entry point of the worker finds it', () => {
  expect(databaseUrlOf({ DATABASE_URL: 'postgresql://a:b@c/d' })).toBe('postgresql://a:b@c/d')
  const parts = {
    DATABASE_HOST: 'db:5432',
    DATABASE_USERNAME: 'u',
    DATABASE_PASSWORD: 'p%40',
    DATABASE_NAME: 'n',
  }
  expect(databaseUrlOf(parts)).toBe('postgresql://u:p%40@db:5432/n')
  expect(databaseUrlOf({ ...parts, DATABASE_ARGS: 'sslmode=require' })).toBe(
    'postgresql://u:p%40@db:5432/n?sslmode=require',
  )
  expect(databaseUrlOf({ ...parts, DATABASE_NAME: '' })).toBeUndefined()
})

test('ClickHouse is where the client of the worker finds it', () => {
  const url = 'http://clickhouse.langfuse.local:8123/'
  expect(clickhouseOf({ CLICKHOUSE_URL: url, CLICKHOUSE_USER: 'u', CLICKHOUSE_PASSWORD: 'p' })).toEqual({
    url: 'http://clickhouse.langfuse.local:8123',
    user: 'u',
    password: 'p',
    database: 'default',
  })
  expect(clickhouseOf({ CLICKHOUSE_URL: 'http://a:b%21@c:8123', CLICKHOUSE_DB: 'lf' })).toEqual({
    url: 'http://c:8123',
    user: 'a',
    password: 'b!',
    database: 'lf',
  })
  expect(clickhouseOf({ CLICKHOUSE_URL: 'not a url' })).toBeUndefined()
})

test.each([
  [
    { REDIS_HOST: 'cache', REDIS_AUTH: 'a/b?c' },
    { host: 'cache', port: 6379, user: undefined, password: 'a/b?c', tls: false, prefix: 'bull' },
  ],
  [
    { REDIS_HOST: 'cache', REDIS_PORT: '6380', REDIS_TLS_ENABLED: 'true', REDIS_KEY_PREFIX: 'lf' },
    { host: 'cache', port: 6380, user: undefined, password: undefined, tls: true, prefix: 'lf' },
  ],
  [
    { REDIS_CONNECTION_STRING: 'rediss://me:secret@cache:6379/0' },
    { host: 'cache', port: 6379, user: 'me', password: 'secret', tls: true, prefix: 'bull' },
  ],
  [
    { REDIS_CLUSTER_NODES: 'one:7000,two:7001' },
    { host: 'one', port: 7000, user: undefined, password: undefined, tls: false, prefix: 'bull' },
  ],
])('Valkey is where the client of the worker finds it: %j', (environment, expected) => {
  const connection = valkeyOf(environment)
  expect(connection && valkeyAt(connection.url, connection.prefix)).toMatchObject(expected)
})

test('no store without an address', () => {
  expect([databaseUrlOf({}), clickhouseOf({}), valkeyOf({})]).toEqual([undefined, undefined, undefined])
})

test('no secret of the environment is printed, in whatever form a message has it', () => {
  const environment = {
    DATABASE_URL: 'postgresql://langfuse:hunter%402!x@db/langfuse',
    CLICKHOUSE_PASSWORD: 'p3X!vN8_sQ6yHb1d',
    REDIS_AUTH: 'sandboxcacheauthtoken',
    REDIS_KEY_PREFIX: 'langfuse',
    CLICKHOUSE_USER: 'clickhouse',
  }
  const text = `no: hunter%402!x hunter@2!x p3X!vN8_sQ6yHb1d sandboxcacheauthtoken http://a:s3@c postgresql://langfuse:hunter%402!x@db/langfuse`
  const clean = redact(text, secretsIn(environment))
  expect(clean).toBe('no: *** *** *** *** http://a:***@c postgresql://langfuse:***@db/langfuse')
})
