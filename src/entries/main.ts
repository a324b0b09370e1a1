import { readFile } from 'node:fs/promises'
import { createCloud } from '../adapters/aws.ts'
import { type Cancel, cancelableClickHouse, cancelablePostgres, cancelOf } from '../adapters/cancel.ts'
import { createClickHouse } from '../adapters/clickhouse.ts'
import { findImageTool } from '../adapters/find-image-tool.ts'
import { gitHubIssues } from '../adapters/github-issues.ts'
import { gitHubRecords } from '../adapters/github-records.ts'
import { type GitHubReleasesOptions, gitHubReleases } from '../adapters/github-releases.ts'
import { githubRunner } from '../adapters/github-runner.ts'
import { createLangfuseApi } from '../adapters/langfuse-api.ts'
import { createHttp, names, send, systemClock, useLittleMemory } from '../adapters/machine.ts'
import { createPostgres } from '../adapters/postgres.ts'
import { createValkey, valkeyAt } from '../adapters/valkey-client.ts'
import { BadInput, deniedPermission, explain, Interrupted } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { Issues, Records } from '../ports/github.ts'
import type { Runner } from '../ports/runner.ts'
import { type ActionName, type Conclusion, conclude, isSuccess } from '../report/conclusion.ts'
import { publish } from '../report/publish.ts'
import { loadCatalog } from '../schema/catalog.ts'
import { deploy } from './deploy.ts'
import type { Ports } from './ports.ts'
import { rollback } from './rollback.ts'
import { verify } from './verify.ts'

/** Runs one action. `root` is the folder that holds `catalog/` and `down-sql/`: the action's own checkout. */
export async function main(action: ActionName, root: URL): Promise<void> {
  useLittleMemory()
  const ports = createPorts(root)
  const conclusion = await run(action, ports)
  await publish(conclusion, githubRunner)
  process.exitCode = isSuccess(conclusion) ? 0 : 1
  // Nothing that still waits may keep a cancelled run alive, such as SQL on a database that does not answer.
  if (ports.signal.aborted) setTimeout(() => process.exit(), LAST_WORDS_MS).unref()
}

/** After the signal. GitHub kills after ten seconds, and a summary takes less than one. */
const ENDS_MS = { aws: 3_500, gitHub: 4_500, run: 5_000 } as const
const LAST_WORDS_MS = 200

/** A cancelled run that does not end by itself still reports. */
function outOfTime(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new Interrupted('The run was cancelled and did not end in time.'))
    signal.addEventListener('abort', () => void setTimeout(end, ENDS_MS.run).unref(), { once: true })
  })
}

async function run(action: ActionName, ports: Ports): Promise<Conclusion> {
  const begun: string[] = []
  const { runner } = ports
  const group: Runner['group'] = (title, work) => {
    begun.push(title)
    return runner.group(title, work)
  }
  try {
    const ended = { deploy, verify, rollback }[action]({ ...ports, runner: { ...runner, group } })
    return await Promise.race([ended, outOfTime(ports.signal)])
  } catch (error) {
    return concludeError(action, error, begun)
  }
}

/** A run that fails before the first of its steps has written nothing. `begun`: titles of the steps that began. */
export function concludeError(action: ActionName, error: unknown, begun: readonly string[]): Conclusion {
  const problems =
    error instanceof BadInput ? error.problems : [`${explain(error)}${remedyFor(error, action)}`]
  if (begun.length === 0)
    return conclude(action, action === 'verify' ? 'inconclusive' : 'refused', 'Nothing was changed.', {
      problems,
    })
  const headline = `The ${action} stopped after these steps began: ${begun.join(', ')}. It did not check the stack afterwards.`
  const next = ['Run verify to see what runs now, then re-run this action: it resumes where it stopped.']
  return conclude(action, 'failed', headline, { problems, next })
}

/** AWS's own message names the denied call, but not the remedy. */
function remedyFor(error: unknown, action: ActionName): string {
  if (!(error instanceof Error)) return ''
  if (error.name === 'CredentialsProviderError')
    return ": run aws-actions/configure-aws-credentials with this stack's role in an earlier step."
  const permission = deniedPermission(error)
  return permission === undefined
    ? ''
    : `: grant \`${permission}\` to the role of this job (docs/iam/${action}.json is its complete policy).`
}

function createPorts(root: URL): Ports {
  const signal = cancellation()
  const [cancel, forGitHub] = [cancelOf(signal, ENDS_MS.aws), cancelOf(signal, ENDS_MS.gitHub)]
  return {
    runner: githubRunner,
    clock: systemClock,
    http: createHttp(signal),
    facts: loadCatalog(root),
    releases: gitHubReleases(publicGitHub()),
    signal,
    cloud: region => createCloud(region, cancel),
    postgres: url => cancelablePostgres(createPostgres(url), cancel),
    clickhouse: access => cancelableClickHouse(createClickHouse(access), cancel),
    valkey: url => createValkey(valkeyAt(url)),
    langfuse: access => createLangfuseApi(access, send),
    names,
    agentProgram: name => readFile(new URL(`dist/agent/${name}.js`, root), 'utf8'),
    imageTool: findImageTool,
    records: config => createRecords(config, forGitHub),
    issues: createIssues,
    runUrl: runUrl(),
  }
}

function runUrl(): string | undefined {
  const server = githubRunner.environment('GITHUB_SERVER_URL')
  const repository = githubRunner.environment('GITHUB_REPOSITORY')
  const run = githubRunner.environment('GITHUB_RUN_ID')
  if (server === undefined || repository === undefined || run === undefined) return undefined
  return `${server}/${repository}/actions/runs/${run}`
}

/** A cancelled step gets SIGINT, 7.5 s later SIGTERM, 2.5 s later SIGKILL. */
function cancellation(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

function createRecords(config: StackConfig, cancel: Cancel): Records | undefined {
  const repository = githubRunner.environment('GITHUB_REPOSITORY')
  const ref = githubRunner.environment('GITHUB_SHA')
  if (config.token === undefined || repository === undefined || ref === undefined) return undefined
  return gitHubRecords({
    token: config.token,
    repository,
    ref,
    environment: config.environment,
    runUrl: runUrl(),
    apiUrl: githubRunner.environment('GITHUB_API_URL'),
    cancel,
  })
}

function createIssues({ token }: StackConfig): Issues | undefined {
  const repository = githubRunner.environment('GITHUB_REPOSITORY')
  if (token === undefined || repository === undefined) return undefined
  return gitHubIssues({ token, repository, apiUrl: githubRunner.environment('GITHUB_API_URL') })
}

/** Langfuse's repository is on github.com: the job's token works there only if the job runs there too. */
function publicGitHub(): GitHubReleasesOptions {
  const isThere = githubRunner.environment('GITHUB_SERVER_URL') === 'https://github.com'
  if (!isThere) return { token: undefined }
  return {
    token: githubRunner.input('github-token') || undefined,
    apiUrl: githubRunner.environment('GITHUB_API_URL'),
  }
}
