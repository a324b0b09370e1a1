import type { Fingerprint, FingerprintPart, KeptBaseline, KeptRecord } from '../ports/github.ts'
import { fingerprintOf } from './fingerprint.ts'
import { known, type Observed, type RunningImage, type Stack, type Unseen, unknown } from './stack.ts'

/** One thing that is otherwise than it was deployed. Hashes are never in it. */
export type Difference = {
  readonly component: FingerprintPart
  readonly member: string
  readonly was: string
  readonly is: string
}

type Comparison = {
  readonly differences: readonly Difference[]
  /** What was written down and cannot be seen now, or the other way round. */
  readonly uncompared: readonly Uncompared[]
}

export type Uncompared = {
  readonly component: FingerprintPart
  /** When it could not be seen. */
  readonly missing: 'then' | 'now'
  readonly reason: string
  readonly because: Unseen
}

/** What was written down about the last deploy, as verify reads it. */
export type Deployed = {
  /** Where records are, for messages. */
  readonly location: string
  readonly baseline: KeptBaseline | undefined
  /** The way back of the last deploy: how it ended, and from which release to which. */
  readonly record: KeptRecord | undefined
  /** A sentence about the run that changes the stack right now, or that cannot be told from one. */
  readonly underway: { readonly certain: boolean; readonly sentence: string } | undefined
}

/** What runs against what was deployed, member by member. */
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
  // Another platform has other members altogether: that it is another says it all.
  if (was['platform'] !== is['platform']) return [difference(component, 'platform', was, is)]
  const members = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  return members
    .filter(member => sameSchema || (member in was && member in is))
    .filter(member => was[member] !== is[member] && !isImplied(member, was, is))
    .map(member => difference(component, member, was, is))
}

/**
 * A revision of a task definition never changes: while it is the same, a member that is described otherwise is AWS's
 * doing.
 */
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
    const reason = 'the run that wrote the baseline could not see it'
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
    ? { reason: 'it is not there any more', because: 'no-evidence' }
    : { reason: source.reason, because: source.because }
}

function imageEvidence({ unseen, reference, source }: RunningImage): Observed<string> {
  return unseen === undefined ? known(reference, source) : unknown(unseen, 'unreachable')
}
