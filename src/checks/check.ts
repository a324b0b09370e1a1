import DEFECTS from '../../docs/module-defects.json' with { type: 'json' }
import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import type { Deployed } from '../stack/baseline.ts'
import type { Canary } from '../stack/canary.ts'
import type { Observed, Stack, Unseen } from '../stack/stack.ts'

type CheckGroup = 'control-plane' | 'public' | 'inside'

/**
 * Evidence that is collected only when a chosen check needs it. `inside`: a probe in the VPC. `mount`: a task that mounts
 * ClickHouse's volume. `infrastructure`: network, storage, registry and backups. `record`: the last deployment record.
 * `canary`: a test trace.
 */
type Need = 'inside' | 'mount' | 'infrastructure' | 'record' | 'canary'

/** `inconclusive`: required evidence is missing. It never counts as passed. */
export type CheckState = 'passed' | 'warning' | 'failed' | 'skipped' | 'inconclusive'

export type Finding = {
  readonly state: CheckState
  /** What is wrong, on which thing, how we know, what to do. */
  readonly sentence: string
  /** The parts that this finding is about, if not all of the check's. */
  readonly about?: Check['about']
}

export type Check<Id extends string = string> = {
  readonly id: Id
  readonly title: string
  readonly group: CheckGroup
  readonly needs: readonly Need[]
  /** Whether a rollout must pass it. Defects of the set-up are reported by verify only; they are no reason to roll back. */
  readonly settles: boolean
  /** Parts of the diagram in the summary. */
  readonly about: readonly ('web' | 'worker' | 'clickhouse' | 'postgres' | 'valkey' | 'efs' | 'cloud-map')[]
  run(subject: Subject): Promise<Finding> | Finding
}

const SET_UP = { group: 'control-plane', needs: [], settles: false } as const
const STORES = { group: 'inside', needs: ['inside'], settles: true } as const

/** Common members of checks. `setUp`: verify reports it, but a rollout need not pass it. */
export const KIND = {
  rollout: { ...SET_UP, settles: true },
  setUp: SET_UP,
  infrastructure: { ...SET_UP, needs: ['infrastructure'] },
  stores: STORES,
  storesSetUp: { ...STORES, settles: false },
} as const

/** The input of all checks: the observed stack and what should run. */
export type Subject = {
  readonly stack: Stack
  /** The release that should run: the deploy's target, or what the web reports. */
  readonly expected: Release | undefined
  readonly facts: ReleaseFacts
  /** The observation before this run's change; absent: this run changes nothing. */
  readonly before?: Stack | undefined
  /** undefined: no canary was written. */
  readonly canary?: Observed<Canary> | undefined
  /** The last deploy; absent: input `baseline` is `none`. */
  readonly deployed?: Observed<Deployed>
}

/** `1 task`, `2 tasks`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`

export const passed = (sentence: string): Finding => ({ state: 'passed', sentence })
export const warning = (sentence: string): Finding => ({ state: 'warning', sentence })
export const failed = (sentence: string): Finding => ({ state: 'failed', sentence })
export const skipped = (sentence: string): Finding => ({ state: 'skipped', sentence })
export const inconclusive = (sentence: string): Finding => ({ state: 'inconclusive', sentence })

type Missing = { readonly reason: string; readonly because: Unseen }

/** Evidence that this run was not configured to collect is skipped; evidence that could not be read is inconclusive. */
export function missing({ reason, because }: Missing): Finding {
  return because === 'not-asked' ? skipped(sentence(reason)) : inconclusive(sentence(reason))
}

/** The same for a store, which fails the check if it does not answer. */
export function unseen(store: Missing): Finding {
  return store.because === 'unreachable' ? failed(sentence(store.reason)) : missing(store)
}

/** The same for a part that a stack need not have: without it, a warning with the consequence. */
export function absent(part: Missing, consequence: string): Finding {
  return part.because === 'not-asked' ? warning(`${capital(part.reason)}, so ${consequence}.`) : missing(part)
}

/** Only a word: a host or an id stays as it is. */
export function capital(text: string): string {
  return text.replace(/^[a-z]+(?=[\s']|[.,:]\s|[.]?$)/, word => word.charAt(0).toUpperCase() + word.slice(1))
}

function sentence(reason: string): string {
  return `${capital(reason)}${/[.!?]$/.test(reason) ? '' : '.'}`
}

/** A line of the article's Terraform module: a key of docs/module-defects.json. */
export type ModuleLine = keyof typeof DEFECTS

/** The end of a finding on a stack of the article's Terraform module: which lines to change. Empty on any other stack. */
export function moduleHint(stack: Stack, ...lines: readonly ModuleLine[]): string {
  if (lines.length === 0 || !isOfModule(stack)) return ''
  const changes = lines.map(line => {
    const { file, resource, change } = DEFECTS[line]
    return `${file}, ${resource}: \`${change}\``
  })
  return ` In Terraform module langfuse-v3-terraform: ${changes.join('; ')}.`
}

/**
 * Whether the stack has all the names that the module (tubone24/langfuse-v3-terraform, commit a711e1d) gives it. Cluster
 * and services alone prove nothing: they are the defaults of the actions' inputs.
 */
export function isOfModule({ cluster, worker, clickhouse, web, discovery }: Stack): boolean {
  const { CLICKHOUSE_URL = '' } = worker.container.environment
  const names = [discovery.known ? discovery.value.name : undefined, URL.parse(CLICKHOUSE_URL)?.hostname]
  return (
    cluster === 'langfuse' &&
    worker.service.name === 'langfuse_worker' &&
    worker.taskDefinition.family === 'langfuse-worker' &&
    clickhouse.service.name === 'clickhouse' &&
    clickhouse.taskDefinition.family === 'clickhouse' &&
    clickhouse.taskDefinition.volumes.some(({ name }) => name === 'clickhouse_data') &&
    web.platform === 'app-runner' &&
    web.service.name === 'langfuse_web' &&
    names.includes('clickhouse.langfuse.local')
  )
}
