/** Why something failed, in words for people: what is wrong, and what to do. */
type Classified = {
  readonly cause: string
  readonly fix: string
}

/**
 * Recognises a failure in what a container printed, what ECS says of a stopped task, or what App Runner logged.
 * The most telling line wins, wherever it stands: what an entry point prints last is only that it gives up.
 */
export function classifyLog(lines: readonly string[]): Classified | undefined {
  for (const [pattern, explainMatch] of KNOWN) {
    for (const line of lines) {
      const match = pattern.exec(line)
      if (match) return explainMatch(part => match[part] ?? '?', lines.join('\n'))
    }
  }
  return undefined
}

/** `cause: fix.` */
export function sentenceOf({ cause, fix }: Classified): string {
  return `${cause}: ${fix}.`
}

/** The same before another sentence; empty where nothing is recognised. */
export function knownCause(lines: readonly string[]): string {
  const known = classifyLog(lines)
  return known === undefined ? '' : `${sentenceOf(known)} `
}

type Known = readonly [pattern: RegExp, explain: (part: (index: number) => string, all: string) => Classified]

/** A failure that needs nothing from the line. */
function means(pattern: RegExp, cause: string, fix: string): Known {
  return [pattern, () => ({ cause, fix })]
}

/** What stops a task before its image runs. Texts: facts of stopped tasks, collected from public reports. */
const STARTING: readonly Known[] = [
  [
    /Manifest does not contain descriptor matching platform '?([\w/]+)/i,
    part => ({
      cause: `The image has no variant for ${part(1)}`,
      fix: 'push an image for that platform, or mirror the whole index instead of one platform',
    }),
  ],
  means(
    /CannotPull\w*Error.*(not found|does not exist|manifest unknown|name unknown)/i,
    'The image does not exist in its registry (any more)',
    'push it again, and look whether a lifecycle policy expires it',
  ),
  means(
    /CannotPull\w*Error.*(403|forbidden|denied|unauthorized|no basic auth)/i,
    'The registry refused the image',
    "give the task's execution role ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the repository",
  ),
  means(
    /CannotPull\w*Error.*(toomanyrequests|rate limit)/i,
    'The registry limits how often images are pulled',
    'mirror the images into ECR (`mirror-from`)',
  ),
  means(
    /CannotPull\w*Error.*(timeout|deadline|connection|lookup)/i,
    'The registry cannot be reached from the subnets of the task',
    'give them a NAT gateway, or the VPC endpoints ecr.api, ecr.dkr and s3',
  ),
  means(
    /CannotPull\w*Error/i,
    'The image cannot be pulled',
    'read the stopped reason below, correct the image reference or the access to it',
  ),
  [
    /unable to (?:pull secrets|retrieve secret).*(AccessDenied|not authorized|ResourceNotFound|can't find|timeout|deadline|connection)/is,
    part => SECRETS[secretKey(part(1))],
  ],
  means(
    /unable to pull secrets or registry auth/i,
    'ECS could not read a secret of the task',
    'look at the ARN in the stopped reason: it has to exist, and the execution role has to be allowed to read it',
  ),
  means(
    /failed to validate logger args|log group does not exist/i,
    'The log group of the task does not exist',
    'create it, or correct awslogs-group in the task definition',
  ),
  [
    /Failed to resolve "?(fs-\w+)/i,
    part => ({
      cause: `The name of EFS file system ${part(1)} does not resolve (what it says of botocore leads astray)`,
      fix: 'give it a mount target in the zone of every subnet of the service, and turn DNS support of the VPC on',
    }),
  ],
  means(
    /mount\.nfs4?: Connection (timed out|reset)|Mount attempt \d\/\d failed due to timeout/i,
    'The EFS file system does not answer',
    "let the task's security group into the mount target's on port 2049",
  ),
  means(
    /mount\.nfs4?: access denied/i,
    'EFS refused the mount',
    "allow the task role elasticfilesystem:ClientMount and ClientWrite in the file system's policy",
  ),
  means(
    /mounting fs-.*No such file or directory/i,
    'The folder to mount does not exist on the EFS file system',
    'correct rootDirectory, or use an access point that creates it',
  ),
  [
    /not authorized to perform: ([\w:*-]+)/i,
    part => ({
      cause: `AWS denied ${part(1)}`,
      fix: 'allow it in a policy of the role that the message names',
    }),
  ],
  means(
    /exec format error/i,
    'The image was built for another processor than the one it runs on',
    'push it for linux/amd64 (App Runner) or for the architecture of the task definition',
  ),
]

const SECRETS = {
  denied: {
    cause: 'The execution role may not read a secret of the task',
    fix: 'allow it secretsmanager:GetSecretValue (and kms:Decrypt) on the ARN in the stopped reason',
  },
  missing: {
    cause: 'A secret of the task does not exist',
    fix: 'create the secret in the stopped reason, or correct its ARN',
  },
  unreachable: {
    cause: 'Secrets Manager cannot be reached from the subnets of the task',
    fix: 'give them a NAT gateway, or the VPC endpoint secretsmanager',
  },
} as const

function secretKey(word: string): keyof typeof SECRETS {
  if (/AccessDenied|not authorized/i.test(word)) return 'denied'
  return /ResourceNotFound|can't find/i.test(word) ? 'missing' : 'unreachable'
}

/** Prisma's codes: https://www.prisma.io/docs/orm/reference/error-reference */
const POSTGRES: readonly Known[] = [
  [
    /P1013|DATABASE_URL.*credentials appear to contain special characters/,
    () => ({
      cause: 'DATABASE_URL or DIRECT_URL is not a URL that Prisma can read (P1013)',
      fix: 'percent-encode @ : / % # ? in its user and password',
    }),
  ],
  means(
    /P1000\b/,
    'PostgreSQL refused the user or password of DATABASE_URL (P1000)',
    'correct the secret that holds it; after a password rotation it has to be written anew',
  ),
  [
    /P1001\b(?:.*at [`"]?([\w.:-]+))?/,
    part => ({
      cause: `PostgreSQL${at(part(1))} cannot be reached (P1001)`,
      fix: "let the worker's security group into the cluster's on its port, and look whether the cluster is available",
    }),
  ],
  [
    /P1002\b/,
    (_part, all) =>
      /advisory lock/i.test(all)
        ? {
            cause: 'Another process holds the lock for Postgres migrations (P1002)',
            fix: 'wait until the other web or migration task has ended, then run again',
          }
        : {
            cause: 'PostgreSQL was reached but did not answer in time (P1002)',
            fix: 'look at the load of the cluster, or give it more capacity, then run again',
          },
  ],
  means(
    /P1003\b/,
    'The database that DATABASE_URL names does not exist (P1003)',
    'create it, or correct the name in DATABASE_URL',
  ),
  means(
    /P3005\b/,
    'The database has tables, but no record of Postgres migrations (P3005)',
    'look whether DATABASE_URL names the right database; if it does, baseline it as Prisma describes',
  ),
  [
    /P3009\b/,
    (_part, all) => {
      const name = /The [`"]?([\w .-]+?)[`"]? migration started/.exec(all)?.[1] ?? 'named below'
      return {
        cause: `Postgres migration ${name} was started once and never finished (P3009)`,
        fix: 'repair what it left, mark it with `prisma migrate resolve --rolled-back`, then run again',
      }
    },
  ],
  [
    /P3018\b/,
    (_part, all) => {
      const name = /Migration name: (\S+)/.exec(all)?.[1] ?? 'named below'
      const error = /ERROR: (.+)/.exec(all)?.[1]
      return {
        cause: `Postgres migration ${name} failed${error === undefined ? '' : ` with "${error.trim()}"`} (P3018)`,
        fix: 'remove the reason, mark the migration with `prisma migrate resolve --rolled-back`, then run again',
      }
    },
  ],
]

function at(address: string): string {
  return address === '?' ? '' : ` at ${address}`
}

/** golang-migrate and the ClickHouse server behind it. */
const CLICKHOUSE: readonly Known[] = [
  means(
    /renameat2|RENAME_EXCHANGE/i,
    'A ClickHouse migration exchanges files (renameat2), which EFS cannot: Langfuse 3.207.0 to 3.212.x do that in migration 36',
    "deploy 3.213.0 or newer, after setting ClickHouse's schema version back to 35",
  ),
  [
    /Unknown setting '?"?(\w+)|(enable_full_text_index|allow_experimental_full_text_index)|Unknown Index type '?(\w+)/i,
    part => ({
      cause: `ClickHouse is too old for a migration of this release (it does not know ${[part(1), part(2), part(3)].find(name => name !== '?')})`,
      fix: 'set `clickhouse-version` to one that the release needs (v4: 25.12), after setting the dirty schema version back by one',
    }),
  ],
  means(
    /no Zookeeper configuration|Requested cluster '\w+' not found|code: (139|701)\b/i,
    'The migrations are those for a ClickHouse cluster, and this ClickHouse is a single server',
    'set CLICKHOUSE_CLUSTER_ENABLED=false on web and worker',
  ),
  [
    /no migration found for version (\d+)/,
    part => ({
      cause: `ClickHouse's schema is at version ${part(1)}, which this image does not know, so the image is older than the database`,
      fix: 'deploy the release that migrated it or a newer one, or go back with the rollback action, which undoes the schema too',
    }),
  ],
  [
    /Dirty database version (\d+)/,
    part => ({
      cause: `ClickHouse's schema is dirty: migration ${part(1)} was begun once and not finished`,
      fix: `repair what it left, force the schema version to ${Number(part(1)) - 1}, then run again`,
    }),
  ],
  means(
    /\bcode: (516|192|193)\b|(?<!P1000: )Authentication failed(?! against database server)/i,
    'ClickHouse refused the user or password',
    'compare CLICKHOUSE_USER and CLICKHOUSE_PASSWORD with the server; in the migration URL & = # ? % + @ and spaces have to be percent-encoded',
  ),
  means(
    /CLICKHOUSE_PASSWORD contains special characters/,
    'CLICKHOUSE_PASSWORD has characters that break the URL of the migrations',
    'choose one without & = # ? % + @ and spaces, or percent-encode them',
  ),
  means(
    /Not enough privileges|code: 497\b|ACCESS_DENIED/,
    'The ClickHouse user may not do what a migration does',
    'grant it CREATE, DROP and ALTER on the database of Langfuse',
  ),
  means(
    /MEMORY_LIMIT_EXCEEDED|code: 241\b|Memory limit .*exceeded/i,
    'ClickHouse ran out of memory during a migration',
    'give its task more memory, then run again',
  ),
  means(
    /NOT_ENOUGH_SPACE|code: 243\b|No space left on device/i,
    'ClickHouse has no space left',
    'free or add space, then run again',
  ),
  [
    /lookup ([\w.-]+).*no such host/i,
    part => ({
      cause: `The name ${part(1)} does not resolve`,
      fix: 'let it be a name of Cloud Map in the VPC: a one-off task and App Runner are not in ECS Service Connect',
    }),
  ],
  [
    /dial tcp ([\w.:[\]-]+): .*(connection refused|timeout|no route)/i,
    part => ({
      cause: `ClickHouse at ${part(1)} cannot be reached`,
      fix: "look whether its task runs, and let the worker's security group into ClickHouse's on ports 8123 and 9000",
    }),
  ],
  means(
    /driver: bad connection|unexpected EOF/i,
    'The connection to ClickHouse broke during a migration',
    'look why its task stopped, set the dirty schema version back by one, then run again',
  ),
  [
    /error: migration failed.*\(details: (.+?)\)?$/,
    part => ({
      cause: `A ClickHouse migration failed (${part(1)})`,
      fix: 'remove the reason, set the dirty schema version back by one, then run again',
    }),
  ],
  means(
    /Cannot lock file .*status/i,
    'A second ClickHouse was started on the same EFS folder',
    'let the service stop its task before it starts another: minimum 0 %, maximum 100 %',
  ),
]

/** The environment of the containers, and their size. */
const ENVIRONMENT: readonly Known[] = [
  means(
    /CLICKHOUSE_URL is not configured/,
    'CLICKHOUSE_URL is not set, which every release from 3.0.0 on needs',
    'set it, with CLICKHOUSE_MIGRATION_URL, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, on web and worker',
  ),
  means(
    /CLICKHOUSE_MIGRATION_URL is not configured|failed to parse scheme from database URL/,
    'CLICKHOUSE_MIGRATION_URL is not set or not a URL',
    'set it on the web, e.g. `clickhouse://clickhouse.langfuse.local:9000`',
  ),
  [
    /(CLICKHOUSE_(?:USER|PASSWORD)) is not set/,
    part => ({ cause: `${part(1)} is not set`, fix: 'set it on web and worker' }),
  ],
  means(
    /Required database environment variables are not set/,
    'DATABASE_URL is not set',
    'give web and worker the secret that holds it',
  ),
  means(
    /ENCRYPTION_KEY must be 256 bits|Invalid key length/,
    'ENCRYPTION_KEY is not 64 hexadecimal characters',
    'set the same key on web and worker (`openssl rand -hex 32` makes a new one, with which nothing old can be decrypted)',
  ),
  [
    /Invalid V4 config: ([^.]+)/,
    part => ({
      cause: `The v4 flags do not fit together (${part(1)})`,
      fix: 'set them on web and worker as the upgrade guide to v4 lists them',
    }),
  ],
  means(
    /\/usr\/bin\/migrate: line 1: syntax error/,
    'The arm64 images of 3.0.0 and 3.1.0 hold a golang-migrate for another processor',
    'deploy 3.1.1 or newer, or an amd64 image',
  ),
  means(
    /OutOfMemory|heap out of memory|exit code:? 137\b/i,
    'The container ran out of memory',
    'give its task more memory, and keep max-old-space-size of NODE_OPTIONS below it',
  ),
  means(
    /failed container health checks/i,
    'The container did not pass its health check',
    'look at its log, and give the check a longer start period',
  ),
  means(
    /Health check failed/i,
    'The web did not answer the health check in time',
    'look at its log above that line; set HOSTNAME=0.0.0.0, and let migrations run before (`migrate: task`)',
  ),
  means(
    /^Applying (database|clickhouse) migrations failed/,
    'The migrations failed without a reason that is known here',
    'read the last lines of the log below',
  ),
]

/** From what says most to what says least. */
const KNOWN: readonly Known[] = [...STARTING, ...POSTGRES, ...CLICKHOUSE, ...ENVIRONMENT]
