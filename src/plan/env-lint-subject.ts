import type { Container } from '../ports/cloud.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import { majorOf } from '../release/requirements.ts'
import { EVENTS_TABLES } from '../release/v4-flags.ts'
import { currentRelease, type Stack } from '../stack/stack.ts'

export type Side = 'web' | 'worker'

/** A container's variables: plain values, and secrets by their ARN. */
export type Variables = {
  readonly environment: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  /** Environment files: a variable that is missing here may be in one of them. */
  readonly files: number
  /** Memory limit in MiB. */
  readonly memory: number | undefined
}

/** What the rules check. It holds values; no rule may put one into a sentence. */
export type LintSubject = {
  readonly web: Variables
  readonly worker: Variables
  readonly from: Release | undefined
  readonly to: Release
  /** Names that the target's major reads, and those that the running major reads. */
  readonly names: ReadonlySet<string>
  readonly obsolete: ReadonlySet<string>
  /** Whether ClickHouse will have the events tables; `unseen`: no migration creates them, a person may have. */
  readonly events: 'there' | 'missing' | 'unseen'
}

export type LintFinding = {
  /** `refusal`: the target breaks for certain. `warning`: it may break, or is wrong already. */
  readonly kind: 'refusal' | 'warning'
  readonly sentence: string
  /** The variables concerned, where something depends on them: `worker SALT`. */
  readonly about: readonly About[]
}

type About = `${Side | 'clickhouse'} ${string}`

export type Given =
  | { readonly kind: 'absent' }
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'secret'; readonly source: string }

/** Langfuse treats an empty variable as not set (removeEmptyEnvVariables). */
export function givenOf({ environment, secrets }: Variables, name: string): Given {
  const source = secrets[name]
  if (source !== undefined) return { kind: 'secret', source: sameSource(source) }
  const value = environment[name]
  return value === undefined || value === '' ? { kind: 'absent' } : { kind: 'plain', value }
}

/** `…:secret:name-AbCdEf::` and a parameter's bare name mean the same as the plain ARN. */
function sameSource(source: string): string {
  const parameter = /:parameter\/(.+)$/.exec(source)?.[1] ?? (source.startsWith('arn:') ? undefined : source)
  return parameter === undefined ? source.replace(/:+$/, '') : `parameter/${parameter.replace(/^\//, '')}`
}

/** Undefined when the variable is absent or a secret. */
export function plainValue(variables: Variables, name: string): string | undefined {
  const given = givenOf(variables, name)
  return given.kind === 'plain' ? given.value : undefined
}

export function isSet(variables: Variables, name: string): boolean {
  return givenOf(variables, name).kind !== 'absent'
}

export const SIDES = ['web', 'worker'] as const

export function warning(sentence: string, about: readonly About[] = []): LintFinding {
  return { kind: 'warning', sentence, about }
}

export function refusal(sentence: string): LintFinding {
  return { kind: 'refusal', sentence, about: [] }
}

/** `A`, `B` and `C`. */
export function listed(names: readonly string[]): string {
  const quoted = names.map(name => `\`${name}\``)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

/**
 * What `to` would find; undefined for an unknown major.
 * @param undone whether a rollback takes ClickHouse's schema back to that of `to`; else only new migrations are applied
 */
export function subjectOf(
  stack: Stack,
  to: Release,
  facts: ReleaseFacts,
  undone = false,
): LintSubject | undefined {
  const names = facts.environmentNames(majorOf(to))
  if (names.size === 0) return undefined
  const from = currentRelease(stack, facts)
  const obsolete = from === undefined ? new Set<string>() : facts.environmentNames(majorOf(from))
  const events = eventsTables(stack, facts.release(to)?.clickhouseHead, undone)
  return {
    web: webVariables(stack),
    worker: variablesOf(stack.worker.container),
    from,
    to,
    names,
    obsolete,
    events,
  }
}

/** @param head of the release; undefined: the catalog does not know it */
function eventsTables(
  { clickhouseStore, probe: { tables } }: Stack,
  head: number | undefined,
  undone: boolean,
): LintSubject['events'] {
  const applied = clickhouseStore.known ? clickhouseStore.value.head : 0
  const after = undone ? head : Math.max(applied, head ?? EVENTS_TABLES.head)
  if (after === undefined || after >= EVENTS_TABLES.head) return 'there'
  // The migrations that a rollback undoes take them away.
  if (undone && applied >= EVENTS_TABLES.head) return 'missing'
  if (!tables.known) return 'unseen'
  const names = new Set(tables.value.map(({ name }) => name))
  return EVENTS_TABLES.names.every(name => names.has(name)) ? 'there' : 'missing'
}

function variablesOf({ environment, secrets, environmentFiles, memory }: Container): Variables {
  return { environment, secrets, files: environmentFiles ?? 0, memory }
}

function webVariables({ web }: Stack): Variables {
  const { environment, secrets } = web
  return web.platform === 'app-runner'
    ? { environment, secrets, files: 0, memory: web.service.memory }
    : variablesOf({ ...web.container, environment, secrets })
}
