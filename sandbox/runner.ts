import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Action, defaultInputs, readAction, unexpectedInputs } from './runner/action.ts'
import { type Command, logOf } from './runner/commands.ts'
import { createCommandFiles, readCommandFiles } from './runner/files.ts'
import { createMasks } from './runner/masks.ts'

export type RunOptions = {
  /** Name of the action: a folder of `actions` with an action.yml. */
  readonly action: string
  readonly inputs: Readonly<Record<string, string>>
  /** Added to the clean environment, like a step's `env:`. */
  readonly env?: Readonly<Record<string, string>>
  /** The runner's work folder; made when missing, left as it is afterwards. Runs that share it share RUNNER_TEMP. */
  readonly folder: string
  /** Where the actions are; default: the project's own `actions`. */
  readonly actions?: string
  /** What `${{ github.token }}` stands for. It is masked, as on GitHub. */
  readonly token?: string
  /** Further values that the runner knows as secrets from the start. */
  readonly secrets?: readonly string[]
  /** Each line of the log, masked, as it comes. */
  readonly onLine?: (line: string) => void
  /** Cancels the step as GitHub does: SIGINT, 7.5 s, SIGTERM, 2.5 s, SIGKILL; `post` still runs. */
  readonly signal?: AbortSignal
  /** Ends the step at once and runs nothing after it, as when the runner's machine is lost. */
  readonly lost?: AbortSignal
}

export type RunResult = {
  /** Exit code of `main`, or that of `post` when only `post` failed; 1 when a file command was malformed. */
  readonly exitCode: number
  readonly outputs: Readonly<Record<string, string>>
  /** The job summary as GitHub shows it (masked). */
  readonly summary: string
  readonly rawSummary: string
  /** Both streams as the job log shows them: masked, commands turned into `##[…]` lines. */
  readonly stdout: string
  /** Both streams as the process wrote them. */
  readonly rawStdout: string
  readonly commands: readonly Command[]
  readonly state: Readonly<Record<string, string>>
  /** Variables and folders for later steps (GITHUB_ENV, GITHUB_PATH). */
  readonly exported: { readonly env: Readonly<Record<string, string>>; readonly path: readonly string[] }
  /** Content of the JSON file that the output `report` names. */
  readonly report?: unknown
  readonly milliseconds: number
}

/**
 * Runs an action's `pre`, `main` and `post` as GitHub's runner does, on the Node that GitHub runs.
 * Inputs that action.yml does not declare only cause the runner's own warning; they do not fail the step.
 */
export async function runAction(options: RunOptions): Promise<RunResult> {
  const started = performance.now()
  const folder = resolve(options.folder)
  const action = await readAction(join(options.actions ?? projectPath('actions'), options.action))
  const inputs = { ...defaultInputs(action, { token: options.token ?? '' }), ...options.inputs }
  const masks = createMasks([options.token ?? '', ...(options.secrets ?? [])])
  const log = logOf({ masks, onLine: options.onLine })
  const unexpected = unexpectedInputs(action, options.inputs)
  if (unexpected !== undefined) log.write(`##[warning]${unexpected}`)

  const files = await createCommandFiles(join(folder, '_temp', '_runner_file_commands'))
  const base = { ...(await cleanEnvironment(folder, options)), ...inputVariables(inputs), ...files.variables }
  const step = (script: string, state: Readonly<Record<string, string>>, signal?: AbortSignal) =>
    runNode({
      script,
      cwd: join(folder, 'workspace'),
      env: { ...base, ...options.env, ...stateVariables(state) },
      onLine: log.process,
      ...(signal === undefined ? {} : { signal }),
      ...(options.lost === undefined ? {} : { lost: options.lost }),
    })

  const exitCodes: number[] = []
  if (action.pre !== undefined) exitCodes.push(await step(action.pre, {}, options.signal))
  if (!exitCodes.some(failed)) exitCodes.push(await step(action.main, {}, options.signal))
  const afterMain = await readCommandFiles(files)
  const lost = options.lost?.aborted ?? false
  if (!lost && action.post !== undefined && postRuns(action, exitCodes, options.signal)) {
    exitCodes.push(await step(action.post, afterMain.state))
  }

  const written = await readCommandFiles(files)
  for (const problem of written.problems) log.write(`##[error]${problem}`)
  if (written.problems.length > 0) exitCodes.push(1)
  const report = await readReport(written.outputs.report)
  return {
    exitCode: exitCodes.find(failed) ?? 0,
    outputs: written.outputs,
    summary: masks.mask(written.summary),
    rawSummary: written.summary,
    stdout: log.masked(),
    rawStdout: log.raw(),
    commands: log.commands(),
    state: written.state,
    exported: { env: written.env, path: written.path },
    ...(report === undefined ? {} : { report }),
    milliseconds: performance.now() - started,
  }
}

function failed(exitCode: number): boolean {
  return exitCode !== 0
}

function projectPath(relative: string): string {
  return fileURLToPath(new URL(`../${relative}`, import.meta.url))
}

// The name keeps its dashes: only spaces change and letters become upper case (actions/runner, Handler.cs).
function inputVariables(inputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [
      `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
      value,
    ]),
  )
}

function stateVariables(state: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]))
}

/** What a step finds in its environment on a GitHub-hosted runner; nothing of the caller's own gets in. */
async function cleanEnvironment(folder: string, options: RunOptions): Promise<Record<string, string>> {
  const temp = join(folder, '_temp')
  const workspace = join(folder, 'workspace')
  const home = join(folder, 'home')
  for (const each of [temp, workspace, home]) await mkdir(each, { recursive: true })
  const event = join(temp, '_github_workflow_event.json')
  await writeFile(event, JSON.stringify({ repository: { full_name: 'example/langfuse-infra' } }))
  return {
    PATH: `${dirname(nodeOfGitHub())}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: home,
    LANG: 'C.UTF-8',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTION: '__self',
    GITHUB_ACTOR: 'octocat',
    GITHUB_API_URL: 'https://api.github.com',
    GITHUB_EVENT_NAME: 'workflow_dispatch',
    GITHUB_EVENT_PATH: event,
    GITHUB_GRAPHQL_URL: 'https://api.github.com/graphql',
    GITHUB_JOB: options.action,
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_REF_TYPE: 'branch',
    GITHUB_REPOSITORY: 'example/langfuse-infra',
    GITHUB_REPOSITORY_OWNER: 'example',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '1000000001',
    GITHUB_RUN_NUMBER: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
    GITHUB_WORKFLOW: options.action,
    GITHUB_WORKSPACE: workspace,
    RUNNER_ARCH: 'X64',
    RUNNER_ENVIRONMENT: 'github-hosted',
    RUNNER_NAME: 'sandbox',
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: temp,
    RUNNER_TOOL_CACHE: join(folder, '_tool'),
  }
}

/** The `node` development dependency (24.x): what `using: node24` means, whatever Node runs the sandbox. */
function nodeOfGitHub(): string {
  const installed = projectPath('node_modules/.bin/node')
  return existsSync(installed) ? installed : process.execPath
}

type NodeRun = {
  readonly script: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly onLine: (line: string) => void
  readonly signal?: AbortSignal
  readonly lost?: AbortSignal
}

const END_WITH_PARENT = new URL('./vpc/end-with-parent.mjs', import.meta.url).href

function runNode({ script, cwd, env, onLine, signal, lost }: NodeRun): Promise<number> {
  return new Promise((done, reject) => {
    const child = spawn(nodeOfGitHub(), ['--import', END_WITH_PARENT, script], {
      cwd,
      env: { ...env, SANDBOX_PARENT: String(process.pid) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const kill = () => child.kill('SIGKILL')
    // Nothing outlives this process, however it ends: by itself here, killed by what END_WITH_PARENT watches.
    process.once('exit', kill)
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
    const timers: NodeJS.Timeout[] = []
    const cancel = () => {
      child.kill('SIGINT')
      timers.push(setTimeout(() => child.kill('SIGTERM'), 7_500))
      timers.push(setTimeout(() => child.kill('SIGKILL'), 10_000))
    }
    if (lost?.aborted) kill()
    else lost?.addEventListener('abort', kill, { once: true })
    if (signal?.aborted) cancel()
    else signal?.addEventListener('abort', cancel, { once: true })
    child.once('error', reject)
    // A grandchild that keeps the pipes open does not keep the step open: the runner waits 5 s for the rest.
    child.once('exit', () => {
      timers.push(setTimeout(() => [child.stdout, child.stderr].map(stream => stream.destroy()), 5_000))
    })
    child.once('close', (code, name) => {
      for (const timer of timers) clearTimeout(timer)
      process.off('exit', kill)
      signal?.removeEventListener('abort', cancel)
      lost?.removeEventListener('abort', kill)
      done(code ?? signalExitCode(name))
    })
  })
}

function signalExitCode(name: NodeJS.Signals | null): number {
  return 128 + (name === 'SIGINT' ? 2 : name === 'SIGTERM' ? 15 : 9)
}

function postRuns(action: Action, exitCodes: readonly number[], signal: AbortSignal | undefined): boolean {
  const anyFailed = exitCodes.some(failed)
  const cancelled = signal?.aborted ?? false
  switch (action.postIf) {
    case 'always()':
      return true
    case 'success()':
      return !anyFailed && !cancelled
    case 'failure()':
      return anyFailed && !cancelled
    case '!cancelled()':
      return !cancelled
    default:
      throw new Error(`The sandbox's runner does not know the condition \`post-if: ${action.postIf}\`.`)
  }
}

async function readReport(path: string | undefined): Promise<unknown> {
  if (path === undefined || path === '') return undefined
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}
