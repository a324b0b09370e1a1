import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

type Values = Readonly<Record<string, string>>
type Step = {
  readonly id?: string
  readonly if?: string
  readonly uses?: string
  readonly with?: Readonly<Record<string, unknown>>
}
type Job = {
  readonly needs?: string
  readonly if?: string
  readonly environment?: string
  readonly strategy?: { readonly matrix: { readonly stack: string } }
  readonly uses?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly secrets?: Readonly<Record<string, unknown>>
  readonly steps?: readonly Step[]
  readonly outputs?: Values
}
export type Workflow = {
  readonly on: {
    readonly workflow_call?: { readonly inputs: Readonly<Record<string, { default?: unknown }>> }
  }
  readonly jobs: Readonly<Record<string, Job>>
}

export type Outcome = { readonly outputs: Values; readonly success: boolean }

export type Hands = {
  /** Runs one of our actions with what the workflow writes, as the job of that name. */
  act(action: string, inputs: Values, job: string): Promise<Outcome>
  /** What the reviewers of an environment say. */
  approve(environment: string): boolean
}

export type JobResult = Outcome & { readonly result: 'success' | 'failure' | 'skipped' | 'rejected' }

/**
 * Runs a workflow as far as our own actions go: its jobs in order with their conditions, matrices, approvals, outputs
 * and the workflows that it calls. Scripts and the actions of others (credentials, the login to ECR) are left out: the
 * sandbox takes any credentials.
 */
export async function runWorkflow(
  workflow: Workflow,
  inputs: Readonly<Record<string, unknown>>,
  hands: Hands,
  secrets: Values = {},
): Promise<Readonly<Record<string, JobResult>>> {
  const results: Record<string, JobResult> = {}
  for (const [name, job] of Object.entries(workflow.jobs)) {
    const context = {
      inputs: withDefaults(workflow, inputs),
      needs: results,
      secrets,
      github: { event_name: 'workflow_dispatch' },
    }
    results[name] = await runJob(name, job, context, hands)
  }
  return results
}

type Context = Readonly<Record<string, unknown>>

function withDefaults(workflow: Workflow, given: Readonly<Record<string, unknown>>): Context {
  const declared = Object.entries(workflow.on.workflow_call?.inputs ?? {})
  return { ...Object.fromEntries(declared.map(([name, input]) => [name, input.default ?? ''])), ...given }
}

async function runJob(name: string, job: Job, context: Context, hands: Hands): Promise<JobResult> {
  const before =
    job.needs === undefined ? undefined : (context['needs'] as Record<string, JobResult>)[job.needs]
  const good = before === undefined || before.result === 'success'
  const wanted =
    job.if === undefined ? good : truth(job.if, context) && (good || /cancelled\(\)/.test(job.if))
  if (!wanted) return { outputs: {}, success: true, result: 'skipped' }
  const environment = text(job.environment ?? '', context)
  if (environment !== '' && !hands.approve(environment))
    return { outputs: {}, success: false, result: 'rejected' }
  const outcome = await forEachStack(name, job, context, hands)
  return { ...outcome, result: outcome.success ? 'success' : 'failure' }
}

/** Once for each stack of the job's matrix, one after the other; the outputs are those of the last. */
async function forEachStack(name: string, job: Job, context: Context, hands: Hands): Promise<Outcome> {
  const stacks =
    job.strategy === undefined ? [undefined] : (value(job.strategy.matrix.stack, context) as unknown[])
  const outcomes: Outcome[] = []
  for (const stack of stacks) {
    const here = { ...context, matrix: { stack } }
    outcomes.push(await (job.uses === undefined ? runSteps(name, job, here, hands) : call(job, here, hands)))
  }
  return { outputs: outcomes.at(-1)?.outputs ?? {}, success: outcomes.every(({ success }) => success) }
}

/** Calls a workflow of ours. */
async function call(job: Job, context: Context, hands: Hands): Promise<Outcome> {
  const path = (job.uses ?? '').replace(/^(\$|OWNER\/langfuse-rollout)\//, '').replace(/@v1$/, '')
  const called = parse(readFileSync(path, 'utf8')) as Workflow
  const inputs = Object.entries(job.with ?? {}).map(([key, item]) => [key, value(item, context)] as const)
  const secrets = Object.entries(job.secrets ?? {}).map(([key, item]) => [key, text(item, context)] as const)
  const jobs = Object.values(
    await runWorkflow(called, Object.fromEntries(inputs), hands, Object.fromEntries(secrets)),
  )
  return {
    outputs: Object.assign({}, ...jobs.map(({ outputs }) => outputs)) as Values,
    success: jobs.every(({ result }) => result === 'success' || result === 'skipped'),
  }
}

async function runSteps(name: string, job: Job, context: Context, hands: Hands): Promise<Outcome> {
  const steps: Record<string, { outputs: Values; outcome: 'success' | 'failure' }> = {}
  let success = true
  for (const step of job.steps ?? []) {
    const action = /^\$\/actions\/(\w+)$/.exec(step.uses ?? '')?.[1]
    const here = { ...context, steps, failed: !success }
    if (action === undefined || !continues(step, here)) continue
    const inputs = Object.entries(step.with ?? {}).map(([key, item]) => [key, text(item, here)] as const)
    const outcome = await hands.act(action, Object.fromEntries(inputs), name)
    success &&= outcome.success
    if (step.id !== undefined) {
      steps[step.id] = { outputs: outcome.outputs, outcome: outcome.success ? 'success' : 'failure' }
    }
  }
  const outputs = Object.entries(job.outputs ?? {}).map(
    ([key, item]) => [key, text(item, { ...context, steps })] as const,
  )
  return { outputs: Object.fromEntries(outputs), success }
}

/** After a failure only those steps go on that ask for it. */
function continues({ if: condition }: Step, context: Context): boolean {
  const asks = /\b(failure|always|cancelled)\(\)/.test(condition ?? '')
  if (context['failed'] === true && !asks) return false
  return condition === undefined || truth(condition, context)
}

type Composite = {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>
  readonly outputs: Readonly<Record<string, { readonly value: string }>>
  readonly runs: { readonly steps: readonly Step[] }
}

/** Runs a composite action with its defaults under what the caller writes. */
export function runComposite(path: string, given: Values, hands: Hands): Promise<Outcome> {
  const { inputs, outputs, runs } = parse(readFileSync(path, 'utf8')) as Composite
  const defaults = Object.entries(inputs).map(([name, input]) => [name, input.default ?? ''] as const)
  const job = {
    steps: runs.steps,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, output.value])),
  }
  return runSteps(
    'composite',
    job,
    { inputs: { ...Object.fromEntries(defaults), ...given }, github: {} },
    hands,
  )
}

function text(item: unknown, context: Context): string {
  const found = value(item, context)
  return found === undefined || found === null ? '' : String(found)
}

/** A whole expression keeps its type; one within a text becomes text. */
function value(item: unknown, context: Context): unknown {
  if (typeof item !== 'string') return item
  const whole = /^\$\{\{(.*)\}\}$/s.exec(item.trim())?.[1]
  if (whole !== undefined && !whole.includes('${{')) return evaluate(whole, context)
  return item.replaceAll(/\$\{\{(.*?)\}\}/g, (_, expression: string) =>
    String(evaluate(expression, context) ?? ''),
  )
}

function truth(condition: string, context: Context): boolean {
  return Boolean(value(condition.includes('${{') ? condition : `\${{ ${condition} }}`, context))
}

/** GitHub's operators are JavaScript's where these workflows use them; its paths may have dashes in their names. */
function evaluate(expression: string, context: Context): unknown {
  const script = expression
    .replaceAll(
      /'[^']*'|\b(inputs|matrix|needs|steps|secrets|vars|github)((?:\.[\w-]+)+)/g,
      (whole, root?: string, path?: string) => (root === undefined ? whole : `get('${root}${path}')`),
    )
    .replaceAll('secrets[', "get('secrets')[")
  const get = (path: string) =>
    path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], context)
  return new Function(
    'get',
    'fromJSON',
    'startsWith',
    'contains',
    'cancelled',
    'failure',
    'format',
    `return (${script})`,
  )(
    get,
    JSON.parse,
    (whole: string, start: string) => whole.startsWith(start),
    (where: string | readonly unknown[], what: string) => where.includes(what),
    () => false,
    () => context['failed'] === true,
    (shape: string, given?: string) => shape.replace('{0}', given ?? ''),
  )
}
