import type { Fingerprint, FingerprintPart, KeptBaseline, KeptRecord } from '../ports/github.ts'
import { fingerprintOf } from './fingerprint.ts'
import { known, type Observed, type RunningImage, type Stack, type Unseen, unknown } from './stack.ts'

/** One difference from the last deploy. It never contains a hash. */
export type Difference = {
  readonly component: FingerprintPart
  readonly member: string
  readonly was: string
  readonly is: string
}

type Comparison = {
  readonly differences: readonly Difference[]
  /** Parts that could be observed then or now, but not both times. */
  readonly uncompared: readonly Uncompared[]
}

export type Uncompared = {
  readonly component: FingerprintPart
  /** When it could not be observed. */
  readonly missing: 'then' | 'now'
  readonly reason: string
  readonly because: Unseen
}

/** The last deploy, as verify reads it from the records. */
export type Deployed = {
  /** Where the records are, for messages. */
  readonly location: string
  readonly baseline: KeptBaseline | undefined
  /** The last deploy's record: how it ended, and from which release to which. */
  readonly record: KeptRecord | undefined
  /** A sentence about the run that is changing the stack now, or may be. */
  readonly underway: { readonly certain: boolean; readonly sentence: string } | undefined
}

/** Compares what runs with what was deployed, member by member. */
export function compareWith(was: Fingerprint, stack: Stack): Comparison {
  const is = fingerprintOf(stack)
  const same = was.schema === is.schema
  const both = PARTS.flatMap(part => {
    const before = was.parts[part]
    const now = is.parts[part]
    return before === undefined || now === undefined ? [] : compareMembers(part, before, now, same)
  })
  return { differences: both, uncompared: PARTS.flatMap(part => uncompared(part, { was, is, stack })) }
}

const PARTS: readonly FingerprintPart[] = [
  'web',
  'worker',
  'clickhouse',
  'web image',
  'worker image',
  'clickhouse image',
  'efs',
  'mount targets',
  'cloud map',
  'postgres',
  'clickhouse schema',
]

type Members = Readonly<Record<string, string>>

function compareMembers(
  component: FingerprintPart,
  was: Members,
  is: Members,
  sameSchema: boolean,
): readonly Difference[] {
  // Another platform has other members altogether: only the platform is reported.
  if (was['platform'] !== is['platform']) return [difference(component, 'platform', was, is)]
  const members = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  return members
    .filter(member => sameSchema || (member in was && member in is))
    .filter(member => was[member] !== is[member] && !isImplied(member, was, is))
    .map(member => difference(component, member, was, is))
}

/** A revision of a task definition never changes: if it is the same, AWS only describes the member differently. */
function isImplied(member: string, was: Members, is: Members): boolean {
  const revision = 'task definition'
  return /^(task|container) /.test(member) && was[revision] !== undefined && was[revision] === is[revision]
}

function difference(component: FingerprintPart, member: string, was: Members, is: Members): Difference {
  const hidden = isHash(was[member]) && isHash(is[member])
  return {
    component,
    member,
    was: hidden ? 'another value' : shown(was[member]),
    is: hidden ? 'changed' : shown(is[member]),
  }
}

function shown(value: string | undefined): string {
  if (value === undefined) return 'absent'
  return isHash(value) ? 'a value' : value
}

function isHash(value: string | undefined): boolean {
  return value !== undefined && /^#[0-9a-f]+$/.test(value)
}

function uncompared(
  component: FingerprintPart,
  { was, is, stack }: { readonly was: Fingerprint; readonly is: Fingerprint; readonly stack: Stack },
): readonly Uncompared[] {
  const before = was.parts[component] !== undefined
  const now = is.parts[component] !== undefined
  if (before === now) return []
  if (now) {
    const reason = 'the run that recorded the baseline could not observe it'
    return [{ component, missing: 'then', reason, because: 'not-asked' }]
  }
  return [{ component, missing: 'now', ...whyUnseen(component, stack) }]
}

function whyUnseen(component: FingerprintPart, stack: Stack): { reason: string; because: Unseen } {
  const sources: Partial<Record<FingerprintPart, Observed<unknown>>> = {
    'web image': imageEvidence(stack.web.image),
    'worker image': imageEvidence(stack.worker.image),
    'clickhouse image': imageEvidence(stack.clickhouse.image),
    'mount targets': stack.files,
    'cloud map': stack.discovery,
    postgres: stack.postgres,
    'clickhouse schema': stack.clickhouseStore,
  }
  const source = sources[component]
  return source === undefined || source.known
    ? { reason: 'it no longer exists', because: 'no-evidence' }
    : { reason: source.reason, because: source.because }
}

function imageEvidence({ unseen, reference, source }: RunningImage): Observed<string> {
  return unseen === undefined ? known(reference, source) : unknown(unseen, 'unreachable')
}
