import { join } from 'node:path'
import { type ArticleStack, startArticleStack } from './article.ts'
import { type GitHub, startGitHub } from './github.ts'
import { checkPermissions } from './permissions.ts'
import { type RunResult, runAction } from './runner.ts'

/** The article's stack, a GitHub, and a runner inside the VPC, for the rehearsal and the tests. */
export type Stage = {
  readonly stack: ArticleStack
  readonly github: GitHub
  /** Runs a built action with the inputs of a user inside the VPC (`network: direct`). */
  run(
    action: 'deploy' | 'verify' | 'rollback',
    inputs?: Readonly<Record<string, string>>,
    options?: StageRun,
  ): Promise<RunResult>
  /** Also ends what still runs. */
  stop(): Promise<void>
}

export type StageRun = {
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
  readonly lost?: AbortSignal
  readonly env?: Readonly<Record<string, string>>
  /** The runner's own, for runs side by side; by default they share one. */
  readonly runner?: string
}

export async function openStage(options: {
  readonly folder: string
  /** Times as fast as real time; 300 by default. */
  readonly speed?: number
  readonly seed?: boolean
  /** The running release and the pushed ones; 2.93.7 and 3.0.0 by default. */
  readonly release?: string
  readonly pushed?: readonly string[]
  readonly clickhouse?: string
  readonly worker?: Readonly<Record<string, string>>
  readonly web?: Readonly<Record<string, string>>
  readonly webPlatform?: 'app-runner' | 'ecs' | 'ecs-express'
  /** Without the mistakes of the article's module. */
  readonly sound?: boolean
  readonly log?: (line: string) => void
}): Promise<Stage> {
  const stack = await startArticleStack({
    release: '2.93.7',
    seed: (options.release ?? '2.93.7') === '2.93.7',
    ...options,
    folder: join(options.folder, 'aws'),
  })
  const github = await startGitHub()
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()
  return {
    stack,
    github,
    run: async (action, given = {}, run = {}) => {
      const participant = stack.sandbox.join()
      const ended = asWorkflowRun(github, async id => {
        const inputs = { ...directInputs(stack), 'github-token': 'ghs_rehearsal', ...given }
        const env = {
          ...stack.sandbox.env,
          ...stack.sandbox.vpcEnv,
          AWS_ACCESS_KEY_ID: `AKIA${id.padStart(16, '0')}`,
          ...participant.env,
          GITHUB_API_URL: github.url,
          GITHUB_RUN_ID: id,
          ...run.env,
        }
        const result = await runAction({
          action,
          inputs,
          folder: join(options.folder, run.runner ?? 'runner'),
          env,
          ...(run.onLine && { onLine: run.onLine }),
          ...(run.signal && { signal: run.signal }),
          lost: AbortSignal.any([closing.signal, ...(run.lost ? [run.lost] : [])]),
        })
        const calls = stack.sandbox.requests.filter(({ caller }) => caller === env.AWS_ACCESS_KEY_ID)
        checkPermissions({ action, inputs }, calls)
        return result
      }).finally(() => {
        participant.leave()
        running.delete(ended)
      })
      running.add(ended)
      return ended
    },
    stop: async () => {
      closing.abort()
      await Promise.allSettled(running)
      await github.stop()
      await stack.stop()
    },
  }
}

function directInputs(stack: ArticleStack): Readonly<Record<string, string>> {
  return {
    url: stack.webUrl,
    network: 'direct',
    'database-url': stack.databaseUrl,
    'clickhouse-url': stack.clickhouseUrl,
    'clickhouse-user': stack.clickhouseUser,
    'clickhouse-password': stack.clickhousePassword,
  }
}

let runs = 1_000_000_000

/** Every action is a workflow run of its own, which GitHub reports as in progress until it ends. */
async function asWorkflowRun(github: GitHub, work: (id: string) => Promise<RunResult>): Promise<RunResult> {
  runs += 1
  const id = String(runs)
  github.runs.set(id, 'in_progress')
  try {
    return await work(id)
  } finally {
    github.runs.set(id, 'completed')
  }
}
