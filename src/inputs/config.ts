import { BadInput } from '../errors/errors.ts'
import type { Runner } from '../ports/runner.ts'
import { parseImage } from '../release/image.ts'
import type { Release } from '../release/release.ts'
import { InputReader, SECRET_INPUTS } from './read.ts'

type WebPlatform = 'app-runner' | 'ecs' | 'ecs-express'

/** In deploy's usual order. */
export const COMPONENTS = ['worker', 'clickhouse', 'web'] as const

export type Component = (typeof COMPONENTS)[number]

/** The inputs of all three actions. */
export type StackConfig = {
  readonly region: string
  readonly cluster: string
  readonly services: Readonly<Record<Component, string>>
  readonly webPlatform: 'auto' | WebPlatform
  /** Public base URL without a trailing slash; undefined: discovered. */
  readonly url: string | undefined
  readonly network: 'auto' | 'task' | 'direct'
  /** For a runner inside the VPC; undefined: an agent task connects to the databases. */
  readonly databases: DirectDatabases | undefined
  /** Milliseconds for the whole run. */
  readonly timeoutMs: number
  /** Name of the GitHub deployment record. */
  readonly environment: string
  readonly token: string | undefined
}

type DirectDatabases = {
  readonly databaseUrl: string | undefined
  readonly clickhouse: ClickHouseAccess | undefined
  readonly redisUrl: string | undefined
}

export type ClickHouseAccess = {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly database: string
}

export type DeployConfig = StackConfig & {
  readonly dryRun: boolean
  readonly version: Release
  /** Exact ClickHouse version; undefined: ClickHouse stays on what it runs. */
  readonly clickhouseVersion: string | undefined
  readonly images: Readonly<Partial<Record<Component, string>>>
  readonly order: readonly Component[]
  readonly planDigest: string | undefined
  /** What happens when a step or a check fails. */
  readonly onFailure: 'rollback' | 'stop'
  /** `lossy`: the automatic rollback may lose data. */
  readonly accept: ReadonlySet<string>
  /** What runs the Postgres and ClickHouse migrations: a task first, or the web at its start. */
  readonly migrate: 'task' | 'boot'
  /** Snapshot and recovery point before the first change. */
  readonly backup: boolean
  readonly rerun: readonly string[]
  /** Registry and namespace to copy missing images from, e.g. `docker.io/langfuse`. */
  readonly mirrorFrom: string | undefined
}

export type VerifyConfig = StackConfig & {
  readonly checks: readonly string[]
  readonly failOn: 'failed' | 'warning'
  /** Checks whose findings are no reason to go back. */
  readonly unrelated: readonly string[]
  /** A project's keys for the canary; undefined: no canary. */
  readonly langfuse: LangfuseKeys | undefined
  /** `record`: compare the stack with the last deploy. */
  readonly baseline: 'none' | 'record'
  /** Keeps one GitHub issue open while checks fail. */
  readonly driftIssue: boolean
}

type LangfuseKeys = { readonly publicKey: string; readonly secretKey: string }

export type RollbackConfig = StackConfig & {
  readonly to: Release | 'previous'
  readonly sql: 'auto' | 'images-only'
  readonly accept: ReadonlySet<string>
  readonly dryRun: boolean
}

/** @throws BadInput with a sentence for each wrong input. */
export function readDeployConfig(runner: Runner): DeployConfig {
  return readConfig(runner, reader => ({
    ...readStack(reader, runner),
    version: reader.release('version'),
    clickhouseVersion: readClickHouseVersion(reader),
    images: readImages(reader),
    order: readOrder(reader),
    planDigest: reader.text('plan-digest'),
    onFailure: reader.choice('on-failure', ['rollback', 'stop']),
    migrate: reader.choice('migrate', ['task', 'boot']),
    // An empty input means `true`.
    backup: reader.choice('backup', ['true', 'false']) === 'true',
    rerun: reader.list('rerun-background-migrations'),
    mirrorFrom: readMirror(reader),
    dryRun: reader.flag('dry-run'),
    accept: readAccepted(reader, DEPLOY_RISKS),
  }))
}

export function readVerifyConfig(runner: Runner): VerifyConfig {
  return readConfig(runner, reader => ({
    ...readStack(reader, runner),
    checks: reader.list('checks'),
    failOn: reader.choice('fail-on', ['failed', 'warning']),
    unrelated: reader.list('unrelated-checks'),
    langfuse: readLangfuseKeys(reader),
    baseline: reader.choice('baseline', ['none', 'record']),
    driftIssue: reader.flag('drift-issue'),
  }))
}

export function readRollbackConfig(runner: Runner): RollbackConfig {
  return readConfig(runner, reader => ({
    ...readStack(reader, runner),
    to: reader.text('to') === 'previous' ? 'previous' : reader.release('to'),
    sql: reader.choice('sql', ['auto', 'images-only']),
    accept: readAccepted(reader, ROLLBACK_RISKS),
    dryRun: reader.flag('dry-run'),
  }))
}

function readConfig<Config>(runner: Runner, read: (reader: InputReader) => Config): Config {
  maskSecrets(runner)
  const reader = new InputReader(name => runner.input(name))
  const config = read(reader)
  if (reader.problems.length > 0) throw new BadInput(reader.problems)
  return config
}

function maskSecrets(runner: Runner): void {
  for (const name of SECRET_INPUTS) {
    const value = runner.input(name)
    if (value === '') continue
    runner.mask(value)
    // A driver's message may quote the password without the URL around it.
    if (URL.canParse(value)) for (const part of passwordsOf(new URL(value))) runner.mask(part)
  }
}

function passwordsOf(url: URL): readonly string[] {
  const raw = url.password
  return raw === '' ? [] : [raw, decodeURIComponent(raw)]
}

function readStack(reader: InputReader, runner: Runner): StackConfig {
  return {
    region: readRegion(reader, runner),
    cluster: reader.required('cluster', 'the name of the ECS cluster, e.g. `langfuse`'),
    services: {
      worker: reader.required(
        'worker-service',
        "the name of the worker's ECS service, e.g. `langfuse_worker`",
      ),
      clickhouse: reader.required(
        'clickhouse-service',
        "the name of ClickHouse's ECS service, e.g. `clickhouse`",
      ),
      web: reader.required('web-service', "the name of the web's service, e.g. `langfuse_web`"),
    },
    webPlatform: reader.choice('web-platform', ['auto', 'app-runner', 'ecs', 'ecs-express']),
    url: reader.url('url', ['https:', 'http:'])?.replace(/\/+$/, ''),
    ...readNetwork(reader),
    timeoutMs: reader.duration('timeout'),
    environment: reader.required('environment', 'a name for the GitHub deployment record, e.g. `langfuse`'),
    token: reader.text('github-token'),
  }
}

function readRegion(reader: InputReader, runner: Runner): string {
  const region =
    reader.text('aws-region') ?? runner.environment('AWS_REGION') ?? runner.environment('AWS_DEFAULT_REGION')
  if (region === undefined) {
    reader.problems.push(
      'Input `aws-region` is empty, and neither AWS_REGION nor AWS_DEFAULT_REGION is set. Set it to the region of the stack, e.g. `ap-northeast-1`.',
    )
  } else if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    reader.problems.push(
      `Input \`aws-region\` is \`${region}\`. Set it to a region such as \`ap-northeast-1\`.`,
    )
  }
  return region ?? ''
}

function readNetwork(reader: InputReader): Pick<StackConfig, 'network' | 'databases'> {
  const network = reader.choice('network', ['auto', 'task', 'direct'])
  const databaseUrl = reader.url('database-url', ['postgresql:', 'postgres:'])
  const clickhouse = readClickHouse(reader)
  const redisUrl = reader.url('redis-url', ['redis:', 'rediss:'])
  const given = databaseUrl !== undefined || clickhouse !== undefined || redisUrl !== undefined
  if (network === 'direct' && databaseUrl === undefined && clickhouse === undefined) {
    reader.problems.push(
      'Input `network` is `direct`, but `database-url` and `clickhouse-url` are empty. Set both.',
    )
  }
  if (network === 'task' && given) {
    reader.problems.push(
      "Input `network` is `task`, which reads the database addresses from the worker's environment. Leave `database-url`, `clickhouse-url` and `redis-url` empty, or set `network: direct`.",
    )
  }
  return { network, databases: given ? { databaseUrl, clickhouse, redisUrl } : undefined }
}

function readClickHouse(reader: InputReader): ClickHouseAccess | undefined {
  const url = reader.url('clickhouse-url', ['http:', 'https:'])
  if (url === undefined) return undefined
  return {
    url: url.replace(/\/+$/, ''),
    user: reader.required('clickhouse-user', 'the ClickHouse user, e.g. `default`'),
    password: reader.text('clickhouse-password') ?? '',
    database: reader.required('clickhouse-database', 'the database that Langfuse uses, e.g. `default`'),
  }
}

function readLangfuseKeys(reader: InputReader): LangfuseKeys | undefined {
  const publicKey = reader.text('langfuse-public-key')
  const secretKey = reader.text('langfuse-secret-key')
  if (publicKey === undefined && secretKey === undefined) return undefined
  if (publicKey === undefined || secretKey === undefined) {
    const [given, empty] = publicKey === undefined ? ['secret', 'public'] : ['public', 'secret']
    reader.problems.push(
      `Input \`langfuse-${given}-key\` is set, but \`langfuse-${empty}-key\` is empty. Set both keys of one project, or neither.`,
    )
    return undefined
  }
  if (publicKey.startsWith('sk-') || secretKey.startsWith('pk-')) {
    reader.problems.push(
      'Inputs `langfuse-public-key` and `langfuse-secret-key` are swapped: the public key begins with `pk-`. Swap them.',
    )
  }
  return { publicKey, secretKey }
}

/** A deploy never accepts `restore`: only a person can restore what the newer release deleted. */
const DEPLOY_RISKS = ['lossy', 'contradiction']
const ROLLBACK_RISKS = ['lossy', 'restore', 'contradiction']

function readAccepted(reader: InputReader, risks: readonly string[]): ReadonlySet<string> {
  const accepted = reader.list('accept')
  const unknown = accepted.filter(risk => !risks.includes(risk))
  if (unknown.length > 0) {
    const names = risks.map(risk => `\`${risk}\``).join(' or ')
    reader.problems.push(
      `Input \`accept\` names \`${unknown.join(', ')}\`. Set it to ${names}, or leave it empty.`,
    )
  }
  return new Set(accepted)
}

function readClickHouseVersion(reader: InputReader): string | undefined {
  const version = reader.text('clickhouse-version')
  if (version !== undefined && !/^\d+\.\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(version)) {
    reader.problems.push(
      `Input \`clickhouse-version\` is \`${version}\`, which is not an exact version. Set it to a version such as \`25.12.3\`, or leave it empty to keep the current ClickHouse.`,
    )
  }
  return version
}

function readImages(reader: InputReader): DeployConfig['images'] {
  const images: Partial<Record<Component, string>> = {}
  for (const component of ['web', 'worker', 'clickhouse'] as const) {
    const image = reader.image(`${component}-image`)
    if (image !== undefined && parseImage(image) !== undefined) images[component] = image
  }
  return images
}

function readMirror(reader: InputReader): string | undefined {
  const registry = reader.text('mirror-from')?.replace(/\/+$/, '')
  const image = registry === undefined ? undefined : parseImage(registry)
  if (registry !== undefined && (image === undefined || image.repository !== registry)) {
    reader.problems.push(
      `Input \`mirror-from\` is \`${registry}\`. Set it to a registry and a namespace without an image, e.g. \`docker.io/langfuse\`.`,
    )
  }
  return registry
}

function readOrder(reader: InputReader): readonly Component[] {
  const named = reader.list('order')
  const order = COMPONENTS.filter(component => named.includes(component))
  if (named.length !== COMPONENTS.length || order.length !== COMPONENTS.length) {
    reader.problems.push(
      `Input \`order\` is \`${named.join(',')}\`. Name each of \`worker\`, \`clickhouse\` and \`web\` once, e.g. \`worker,clickhouse,web\`.`,
    )
    return COMPONENTS
  }
  return named.flatMap(name => COMPONENTS.filter(component => component === name))
}
