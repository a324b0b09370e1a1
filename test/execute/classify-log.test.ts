import { expect, test } from '@jest/globals'
import { classifyLog, sentenceOf } from '../../src/execute/classify-log.ts'

/** Texts as they are in public reports and in the entry points' own source. */
const TEXTS: readonly (readonly [what: string, lines: readonly string[], sentence: RegExp])[] = [
  [
    'P1000',
    [
      'Error: P1000: Authentication failed against database server at `aurora`, the provided database credentials for `langfuse` are not valid.',
    ],
    /PostgreSQL refused the user or password.*correct the secret/,
  ],
  [
    'P1001',
    ["Error: P1001: Can't reach database server at `aurora.local:5432`"],
    /PostgreSQL at aurora\.local:5432 cannot be reached.*security group/,
  ],
  [
    'P1002, the lock',
    [
      'Error: P1002',
      'The database server at `aurora:5432` was reached but timed out.',
      'Context: Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(72707369)). Elapsed: 10000ms.',
    ],
    /Another process holds the lock.*wait until/,
  ],
  [
    'P1002, a slow server',
    ['Error: P1002', 'The database server was reached but timed out.'],
    /did not answer in time/,
  ],
  ['P1003', ['Error: P1003: Database `langfuse` does not exist'], /does not exist \(P1003\)/],
  [
    'P1013',
    ['Error: P1013: The provided database string is invalid. invalid port number in database URL.'],
    /Prisma cannot parse DATABASE_URL.*percent-encode/,
  ],
  [
    "the entry point's hint on P1013",
    [
      'HINT: Your DATABASE_URL / DIRECT_URL credentials appear to contain special characters (@, :, /, %, #, ?) that are not URL-encoded.',
    ],
    /percent-encode @ : /,
  ],
  ['P3005', ['Error: P3005', 'The database schema is not empty.'], /no record of Postgres migrations/],
  [
    'P3009',
    ['Error: P3009', 'The `20241124115100_a b` migration started at 2026-11-22 01:02:03.000004 UTC failed'],
    /Postgres migration 20241124115100_a b started but never finished.*migrate resolve --rolled-back/,
  ],
  [
    'P3018',
    [
      'Error: P3018',
      'Migration name: 20241206115829_b',
      'Database error code: 23503',
      'ERROR: insert or update violates foreign key constraint',
    ],
    /Postgres migration 20241206115829_b failed with "insert or update violates foreign key constraint" \(P3018\)/,
  ],
  [
    'a dirty ClickHouse',
    [
      'error: Dirty database version 13. Fix and force version.',
      'Applying clickhouse migrations failed. This is mostly caused by the database being unavailable.',
      'Exiting...',
    ],
    /dirty: migration 13 started but did not finish.*force the schema version to 12/,
  ],
  [
    'an image older than ClickHouse',
    ['error: no migration found for version 46: read down for version 46 .: file does not exist'],
    /older than ClickHouse's schema: it does not know schema version 46.*rollback action/,
  ],
  [
    'EFS and renameat2',
    [
      'error: migration failed in line 0: CREATE OR REPLACE VIEW analytics_scores AS … (details: code: 48, message: System call renameat2() is not supported)',
    ],
    /EFS does not support.*deploy 3\.213\.0 or newer/,
  ],
  [
    'an old ClickHouse',
    [
      "error: migration failed in line 0: CREATE TABLE events_core (details: code: 115, message: Unknown setting 'enable_full_text_index')",
    ],
    /too old .*enable_full_text_index.*`clickhouse-version`/,
  ],
  [
    'an index that an old ClickHouse does not know',
    [
      "error: migration failed in line 0: x (details: code: 80, message: Unknown Index type 'text'. Available index types: minmax)",
    ],
    /too old .*does not know text/,
  ],
  [
    'a cluster that is none',
    [
      'error: failed to open database, "clickhouse://clickhouse:9000?username=u&password=***": code: 139, message: There is no Zookeeper configuration in server config in line 0:',
    ],
    /single server: set CLICKHOUSE_CLUSTER_ENABLED=false/,
  ],
  [
    'a wrong ClickHouse password',
    [
      'error: failed to open database: code: 516, message: default: Authentication failed: password is incorrect',
    ],
    /ClickHouse refused the user or password.*percent-encode/,
  ],
  [
    'a ClickHouse user without grants',
    ['Code: 497. DB::Exception: langfuse_dev: Not enough privileges. (ACCESS_DENIED)'],
    /lacks a privilege that a migration needs: grant it/,
  ],
  [
    'any other ClickHouse error',
    ['error: migration failed in line 0: ALTER TABLE x (details: code: 47, message: Missing columns)'],
    /A ClickHouse migration failed \(code: 47, message: Missing columns\)/,
  ],
  [
    'a name that does not resolve',
    ['error: failed to open database: dial tcp: lookup clickhouse.langfuse.local: no such host'],
    /clickhouse\.langfuse\.local does not resolve.*Service Connect/,
  ],
  [
    'ClickHouse out of reach',
    ['error: failed to open database: dial tcp 10.0.11.37:9000: connect: connection refused'],
    /ClickHouse at 10\.0\.11\.37:9000 cannot be reached/,
  ],
  [
    'no CLICKHOUSE_URL',
    ['Error: CLICKHOUSE_URL is not configured. Migrating from V2? Check out migration guide at https://x'],
    /CLICKHOUSE_URL is not set, and Langfuse 3\.0\.0 and later need it/,
  ],
  [
    'no CLICKHOUSE_MIGRATION_URL',
    ['error: failed to parse scheme from database URL: no scheme'],
    /CLICKHOUSE_MIGRATION_URL is not set or is not a URL/,
  ],
  [
    'no DATABASE_URL',
    ['Error: Required database environment variables are not set. Provide a postgres url for DATABASE_URL.'],
    /DATABASE_URL is not set/,
  ],
  [
    'a short ENCRYPTION_KEY',
    [
      '"message": "ENCRYPTION_KEY must be 256 bits, 64 string characters in hex format, generate via: openssl rand -hex 32"',
    ],
    /ENCRYPTION_KEY is not 64 hexadecimal/,
  ],
  [
    'v4 flags',
    [
      'Error: Invalid V4 config: LANGFUSE_MIGRATION_V4_NATIVE_OTEL_BEHAVIOUR=direct requires LANGFUSE_MIGRATION_V4_WRITE_MODE in {dual, events_only}. More.',
    ],
    /v4 flags contradict each other \(LANGFUSE_MIGRATION_V4_NATIVE/,
  ],
  [
    'golang-migrate for another processor',
    ['/usr/bin/migrate: line 1: syntax error: unexpected ")"'],
    /arm64 images of 3\.0\.0 and 3\.1\.0/,
  ],
  [
    'out of memory, said by ECS',
    [
      'task 1: Essential container in task exited',
      'container migrate: exit code 137, OutOfMemoryError: container killed due to memory usage',
    ],
    /ran out of memory: give its task more/,
  ],
  [
    'out of memory, said by Node',
    ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'],
    /ran out of memory/,
  ],
  [
    'another processor',
    ['exec /usr/bin/dumb-init: exec format error'],
    /built for a different CPU architecture/,
  ],
  [
    'a role that may not be passed',
    [
      'User: arn:aws:sts::123456789012:assumed-role/deploy/x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/Task',
    ],
    /AWS denied iam:PassRole: grant it/,
  ],
  [
    'an image that is not there',
    [
      'CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref x: not found',
    ],
    /does not exist in its registry/,
  ],
  [
    'an image without the platform',
    [
      "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/arm64'",
    ],
    /no variant for linux\/arm64/,
  ],
  [
    'a registry that refuses',
    ['CannotPullContainerError: … unexpected status from HEAD request: 403 Forbidden'],
    /registry denied access to the image.*ecr:BatchGetImage/,
  ],
  [
    'a registry out of reach',
    ['CannotPullContainerError: … dial tcp 52.94.1.1:443: i/o timeout'],
    /subnets cannot reach the registry.*NAT gateway/,
  ],
  [
    'a secret that is denied',
    [
      'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:x from secrets manager: AccessDeniedException: User is not authorized',
    ],
    /execution role is not allowed to read a secret.*secretsmanager:GetSecretValue/,
  ],
  [
    'a secret that is not there',
    [
      "ResourceInitializationError: unable to pull secrets or registry auth: failed to fetch secret arn:x from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    ],
    /A secret of the task does not exist/,
  ],
  [
    'a log group that is not there',
    [
      'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: The specified log group does not exist.',
    ],
    /task's log group does not exist/,
  ],
  [
    "EFS's words about botocore",
    [
      'ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve "fs-0a1.efs.ap-northeast-1.amazonaws.com" - check that your file system ID is correct. … Failed to import necessary dependency botocore, please install botocore first. : unsuccessful EFS utils command execution; code: 1',
    ],
    /fs-0a1 does not resolve .*mount target/,
  ],
  [
    'EFS behind a closed port',
    [
      "ResourceInitializationError: … b'mount.nfs4: Connection timed out' : unsuccessful EFS utils command execution; code: 32",
    ],
    /did not answer.*2049/,
  ],
  [
    'a second ClickHouse',
    [
      'Cannot lock file /var/lib/clickhouse/status. Another server instance in same directory is already running.',
    ],
    /second ClickHouse.*minimum 0 %, maximum 100 %/,
  ],
  [
    "App Runner's health check",
    ['[AppRunner] Health check failed on protocol `HTTP` [Path: /api/public/health], [Port: 3000].'],
    /did not answer the health check.*HOSTNAME=0\.0\.0\.0/,
  ],
]

test.each(TEXTS)('%s: cause and fix', (_what, lines, sentence) => {
  const known = classifyLog([
    'Prisma schema loaded from packages/shared/prisma/schema.prisma',
    ...lines,
    'Exiting...',
  ])
  expect(known && sentenceOf(known)).toMatch(sentence)
})

test('the reason wins over what merely follows from it, wherever it stands', () => {
  const known = classifyLog([
    '[AppRunner] Health check failed on protocol `HTTP`.',
    'Applying clickhouse migrations failed. This is mostly caused by the database being unavailable.',
    'error: Dirty database version 7. Fix and force version.',
  ])
  expect(known?.cause).toMatch(/migration 7/)
})

test('a log of something unknown is not explained', () => {
  expect(classifyLog(['Error: Cannot find module ./queues', 'node:internal/process exited'])).toBeUndefined()
})
