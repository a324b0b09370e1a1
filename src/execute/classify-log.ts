type Classified = {
  /** What is wrong. */
  readonly cause: string
  /** What to do. */
  readonly fix: string
}

/**
 * Recognises a failure in what a container printed, in ECS's stopped reason, or in App Runner's log. The most specific
 * pattern wins over the last line: an entry point only ends with the message that it exits.
 */
export function classifyLog(lines: readonly string[]): Classified | undefined {
  for (const [pattern, explainMatch] of KNOWN) {
    for (const line of lines) {
      const match = pattern.exec(line)
      if (match) return explainMatch(match.slice(1), lines.join('\n'))
    }
  }
  return undefined
}

/** `cause: fix.` */
export function sentenceOf({ cause, fix }: Classified): string {
  return `${cause}: ${fix}.`
}

/** The same, to put before another sentence; empty if nothing is recognised. */
export function knownCause(lines: readonly string[]): string {
  const known = classifyLog(lines)
  return known === undefined ? '' : `${sentenceOf(known)} `
}

type Known = readonly [
  pattern: RegExp,
  explain: (parts: readonly (string | undefined)[], all: string) => Classified,
]
type Text = string | ((first: string) => string)

/** A failure that needs at most the first group of its pattern. */
function means(pattern: RegExp, cause: Text, fix: Text): Known {
  const textOf = (text: Text, first = '?') => (typeof text === 'string' ? text : text(first))
  return [pattern, ([first]) => ({ cause: textOf(cause, first), fix: textOf(fix, first) })]
}

/** What stops a task before its image runs. Texts: ECS's stopped reasons, from public reports. */
const STARTING: readonly Known[] = [
  means(
    /Manifest does not contain descriptor matching platform '?([\w/]+)/i,
    platform => `The image has no variant for ${platform}`,
    'push an image for that platform, or mirror the whole index instead of one platform',
  ),
  means(
    /CannotPull\w*Error.*(not found|does not exist|manifest unknown|name unknown)/i,
    'The image does not exist in its registry',
    'push it again, and check whether a lifecycle policy expired it',
  ),
  means(
    /CannotPull\w*Error.*(403|forbidden|denied|unauthorized|no basic auth)/i,
    'The registry denied access to the image',
    "give the task's execution role ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the repository",
  ),
  means(
    /CannotPull\w*Error.*(toomanyrequests|rate limit)/i,
    'The registry rate-limited the image pull',
    'mirror the images into ECR (`mirror-from`)',
  ),
  means(
    /CannotPull\w*Error.*(timeout|deadline|connection|lookup)/i,
    "The task's subnets cannot reach the registry",
    'give them a NAT gateway, or the VPC endpoints ecr.api, ecr.dkr and s3',
  ),
  means(
    /CannotPull\w*Error/i,
    'ECS could not pull the image',
    'correct the image reference or the permissions to pull it',
  ),
  means(
    /unable to (?:pull secrets|retrieve secret).*(?:AccessDenied|not authorized)/is,
    'The execution role is not allowed to read a secret of the task',
    'grant it secretsmanager:GetSecretValue (and kms:Decrypt) on the ARN in the stopped reason',
  ),
  means(
    /unable to (?:pull secrets|retrieve secret).*(?:ResourceNotFound|can't find)/is,
    'A secret of the task does not exist',
    'create the secret in the stopped reason, or correct its ARN',
  ),
  means(
    /unable to (?:pull secrets|retrieve secret).*(?:timeout|deadline|connection)/is,
    "The task's subnets cannot reach Secrets Manager",
    'give them a NAT gateway, or the VPC endpoint secretsmanager',
  ),
  means(
    /unable to pull secrets or registry auth/i,
    'ECS could not read a secret of the task',
    'check the ARN in the stopped reason: the secret must exist, and the execution role must be allowed to read it',
  ),
  means(
    /failed to validate logger args|log group does not exist/i,
    "The task's log group does not exist",
    'create it, or correct awslogs-group in the task definition',
  ),
  means(
    /Failed to resolve "?(fs-\w+)/i,
    fileSystem => `The name of EFS file system ${fileSystem} does not resolve (ignore the botocore message)`,
    'create a mount target in the zone of every subnet of the service, and enable DNS support in the VPC',
  ),
  means(
    /mount\.nfs4?: Connection (timed out|reset)|Mount attempt \d\/\d failed due to timeout/i,
    'The EFS file system did not answer',
    "allow the task's security group on port 2049 in the mount target's security group",
  ),
  means(
    /mount\.nfs4?: access denied/i,
    'EFS refused the mount',
    'allow the task role elasticfilesystem:ClientMount and ClientWrite in the file system policy',
  ),
  means(
    /mounting fs-.*No such file or directory/i,
    'The directory to mount does not exist on the EFS file system',
    'correct rootDirectory, or use an access point that creates it',
  ),
  means(
    /not authorized to perform: ([\w:*-]+)/i,
    permission => `AWS denied ${permission}`,
    'grant it to the role that the message names',
  ),
  means(
    /exec format error/i,
    'The image was built for a different CPU architecture',
    'push it for linux/amd64 (App Runner) or for the architecture of the task definition',
  ),
]

/** Prisma's codes: https://www.prisma.io/docs/orm/reference/error-reference */
const POSTGRES: readonly Known[] = [
  means(
    /P1013|DATABASE_URL.*credentials appear to contain special characters/,
    'Prisma cannot parse DATABASE_URL or DIRECT_URL (P1013)',
    'percent-encode @ : / % # ? in its user and password',
  ),
  means(
    /P1000\b/,
    'PostgreSQL refused the user or password of DATABASE_URL (P1000)',
    'correct the secret that holds DATABASE_URL, for example after a password rotation',
  ),
  means(
    /P1001\b(?:.*at [`"]?([\w.:-]+))?/,
    address => `PostgreSQL${address === '?' ? '' : ` at ${address}`} cannot be reached (P1001)`,
    "allow the worker's security group on the cluster's port, and check that the cluster is available",
  ),
  [
    /P1002\b/,
    (_parts, all) =>
      /advisory lock/i.test(all)
        ? {
            cause: 'Another process holds the lock for Postgres migrations (P1002)',
            fix: 'wait until the other web or migration task has ended, then run again',
          }
        : {
            cause: 'PostgreSQL accepted the connection but did not answer in time (P1002)',
            fix: 'check the load of the cluster or add capacity, then run again',
          },
  ],
  means(
    /P1003\b/,
    'The database that DATABASE_URL names does not exist (P1003)',
    'create it, or correct the name in DATABASE_URL',
  ),
  means(
    /P3005\b/,
    'The database has tables but no record of Postgres migrations (P3005)',
    'check that DATABASE_URL names the right database; if it does, baseline it as Prisma describes',
  ),
  [
    /P3009\b/,
    (_parts, all) => {
      const name = /The [`"]?([\w .-]+?)[`"]? migration started/.exec(all)?.[1] ?? 'named below'
      return {
        cause: `Postgres migration ${name} started but never finished (P3009)`,
        fix: 'repair what it left, mark it with `prisma migrate resolve --rolled-back`, then run again',
      }
    },
  ],
  [
    /P3018\b/,
    (_parts, all) => {
      const name = /Migration name: (\S+)/.exec(all)?.[1] ?? 'named below'
      const error = /ERROR: (.+)/.exec(all)?.[1]
      return {
        cause: `Postgres migration ${name} failed${error === undefined ? '' : ` with "${error.trim()}"`} (P3018)`,
        fix: 'fix the cause, mark the migration with `prisma migrate resolve --rolled-back`, then run again',
      }
    },
  ],
]

/** golang-migrate and the ClickHouse server behind it. */
const CLICKHOUSE: readonly Known[] = [
  means(
    /renameat2|RENAME_EXCHANGE/i,
    'ClickHouse migration 36 of Langfuse 3.207.0 to 3.212.x needs renameat2, which EFS does not support',
    "set ClickHouse's schema version back to 35, then deploy 3.213.0 or newer",
  ),
  [
    /Unknown setting '?"?(\w+)|(enable_full_text_index|allow_experimental_full_text_index)|Unknown Index type '?(\w+)/i,
    parts => ({
      cause: `ClickHouse is too old for a migration of this release (it does not know ${parts.find(part => part !== undefined) ?? '?'})`,
      fix: 'set the dirty schema version back by one, then set `clickhouse-version` to one that the release needs (v4: 25.12)',
    }),
  ],
  means(
    /no Zookeeper configuration|Requested cluster '\w+' not found|code: (139|701)\b/i,
    'Langfuse ran the migrations for a ClickHouse cluster, but this ClickHouse is a single server',
    'set CLICKHOUSE_CLUSTER_ENABLED=false on web and worker',
  ),
  means(
    /no migration found for version (\d+)/,
    version => `The image is older than ClickHouse's schema: it does not know schema version ${version}`,
    'deploy the release that migrated it or a newer one, or run the rollback action, which also reverts the schema',
  ),
  means(
    /Dirty database version (\d+)/,
    version => `ClickHouse's schema is dirty: migration ${version} started but did not finish`,
    version => `repair what it left, force the schema version to ${Number(version) - 1}, then run again`,
  ),
  means(
    /\bcode: (516|192|193)\b|(?<!P1000: )Authentication failed(?! against database server)/i,
    'ClickHouse refused the user or password',
    'compare CLICKHOUSE_USER and CLICKHOUSE_PASSWORD with the server, and percent-encode & = # ? % + @ and spaces in the migration URL',
  ),
  means(
    /CLICKHOUSE_PASSWORD contains special characters/,
    'CLICKHOUSE_PASSWORD contains characters that break the migration URL',
    'choose one without & = # ? % + @ and spaces, or percent-encode them',
  ),
  means(
    /Not enough privileges|code: 497\b|ACCESS_DENIED/,
    'The ClickHouse user lacks a privilege that a migration needs',
    "grant it CREATE, DROP and ALTER on Langfuse's database",
  ),
  means(
    /MEMORY_LIMIT_EXCEEDED|code: 241\b|Memory limit .*exceeded/i,
    'ClickHouse ran out of memory during a migration',
    'give its task more memory, then run again',
  ),
  means(
    /NOT_ENOUGH_SPACE|code: 243\b|No space left on device/i,
    'ClickHouse ran out of disk space',
    'free or add space, then run again',
  ),
  means(
    /lookup ([\w.-]+).*no such host/i,
    name => `The name ${name} does not resolve`,
    'use a Cloud Map name of the VPC: one-off tasks and App Runner cannot use ECS Service Connect',
  ),
  means(
    /dial tcp ([\w.:[\]-]+): .*(connection refused|timeout|no route)/i,
    address => `ClickHouse at ${address} cannot be reached`,
    "check that its task is running, and allow the worker's security group on its ports 8123 and 9000",
  ),
  means(
    /driver: bad connection|unexpected EOF/i,
    'The connection to ClickHouse broke during a migration',
    'find out why its task stopped, set the dirty schema version back by one, then run again',
  ),
  means(
    /error: migration failed.*\(details: (.+?)\)?$/,
    details => `A ClickHouse migration failed (${details})`,
    'fix the cause, set the dirty schema version back by one, then run again',
  ),
  means(
    /Cannot lock file .*status/i,
    'A second ClickHouse server started on the same EFS directory',
    'make the service stop its task before it starts another: minimum 0 %, maximum 100 %',
  ),
]

/** The environment of the containers, and their size. */
const ENVIRONMENT: readonly Known[] = [
  means(
    /CLICKHOUSE_URL is not configured/,
    'CLICKHOUSE_URL is not set, and Langfuse 3.0.0 and later need it',
    'set it, CLICKHOUSE_MIGRATION_URL, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD on web and worker',
  ),
  means(
    /CLICKHOUSE_MIGRATION_URL is not configured|failed to parse scheme from database URL/,
    'CLICKHOUSE_MIGRATION_URL is not set or is not a URL',
    'set it on the web, e.g. `clickhouse://clickhouse.langfuse.local:9000`',
  ),
  means(
    /(CLICKHOUSE_(?:USER|PASSWORD)) is not set/,
    name => `${name} is not set`,
    'set it on web and worker',
  ),
  means(
    /Required database environment variables are not set/,
    'DATABASE_URL is not set',
    'give web and worker the secret that holds it',
  ),
  means(
    /ENCRYPTION_KEY must be 256 bits|Invalid key length/,
    'ENCRYPTION_KEY is not 64 hexadecimal characters',
    'set the original key on web and worker; a new one (`openssl rand -hex 32`) cannot decrypt existing data',
  ),
  means(
    /Invalid V4 config: ([^.]+)/,
    flags => `The v4 flags contradict each other (${flags})`,
    'set them on web and worker as the v4 upgrade guide lists them',
  ),
  means(
    /\/usr\/bin\/migrate: line 1: syntax error/,
    'The arm64 images of 3.0.0 and 3.1.0 contain a golang-migrate for another CPU architecture',
    'deploy 3.1.1 or newer, or an amd64 image',
  ),
  means(
    /OutOfMemory|heap out of memory|exit code:? 137\b/i,
    'The container ran out of memory',
    'give its task more memory, and keep max-old-space-size in NODE_OPTIONS below it',
  ),
  means(
    /failed container health checks/i,
    'The container failed its health check',
    'read its log, and give the check a longer start period',
  ),
  means(
    /Health check failed/i,
    'The web did not answer the health check in time',
    'read its log above that line, set HOSTNAME=0.0.0.0, and run the migrations first (`migrate: task`)',
  ),
  means(
    /^Applying (database|clickhouse) migrations failed/,
    'The migrations failed for an unrecognised reason',
    'read the last lines of the log below',
  ),
]

/** From the most specific to the least. */
const KNOWN: readonly Known[] = [...STARTING, ...POSTGRES, ...CLICKHOUSE, ...ENVIRONMENT]
