import type { Baseline, KeptBaseline, KeptRecord } from '../ports/github.ts'
import type { Deployed, Difference, Uncompared } from '../stack/baseline.ts'
import { compareWith, identityOf } from '../stack/baseline.ts'
import { currentRelease } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, inconclusive, KIND, passed, plural, skipped } from './check.ts'

export const drift = {
  ...KIND.setUp,
  needs: ['record'],
  id: 'drift',
  title: 'The stack matches the last deploy',
  about: ['web', 'worker', 'clickhouse'],
  run: subject =>
    subject.deployed?.known === true
      ? evaluate(driftOf(subject), subject.deployed.value)
      : unseen(subject.deployed),
} as const satisfies Check

type Drift =
  | { readonly kind: 'nothing-to-compare'; readonly reason: string }
  | { readonly kind: 'underway'; readonly certain: boolean; readonly sentence: string }
  /** Records of older action versions hold only the release. */
  | { readonly kind: 'release-only'; readonly differences: readonly Difference[] }
  | {
      readonly kind: 'compared'
      readonly differences: readonly Difference[]
      readonly uncompared: readonly Uncompared[]
      readonly baseline: Baseline
    }

/** Pure: check, outputs and issue get the same result. */
export function driftOf(subject: Subject): Drift {
  const { deployed, stack } = subject
  if (deployed?.known !== true) return { kind: 'nothing-to-compare', reason: 'no deployment record was read' }
  const { baseline, record, underway } = deployed.value
  if (baseline === undefined) return underway ? { kind: 'underway', ...underway } : byRelease(subject, record)
  if (baseline.baseline.stack !== identityOf(stack))
    return {
      kind: 'nothing-to-compare',
      reason: `baseline ${baseline.id} in ${deployed.value.location} belongs to another stack (${baseline.baseline.stack}): give each stack its own \`environment\`, then deploy once`,
    }
  const compared = compareWith(baseline.baseline.fingerprint, stack)
  // A run that has changed nothing yet does not matter.
  if (underway !== undefined && compared.differences.length > 0) return { kind: 'underway', ...underway }
  return { kind: 'compared', ...compared, baseline: baseline.baseline }
}

/** None while another run is changing the stack. */
export function differencesOf(found: Drift): readonly Difference[] {
  return 'differences' in found ? found.differences : []
}

function byRelease({ stack, facts }: Subject, record: KeptRecord | undefined): Drift {
  if (record?.state !== 'success')
    return { kind: 'nothing-to-compare', reason: `no deploy has recorded a baseline yet: ${ONCE}` }
  const is = currentRelease(stack, facts) ?? 'unknown'
  const was = record.record.to
  const differences = is === was ? [] : [{ component: 'web', member: 'release', was, is } as const]
  return { kind: 'release-only', differences }
}

const ONCE =
  'run the deploy action once with the running release, which changes nothing and records the stack'

function evaluate(found: Drift, deployed: Deployed): Finding {
  switch (found.kind) {
    case 'nothing-to-compare':
      return inconclusive(`The stack cannot be compared with the last deploy: ${found.reason}.`)
    case 'underway':
      return (found.certain ? skipped : inconclusive)(found.sentence)
    case 'release-only':
      return found.differences.length > 0
        ? failed(sentenceOf(found.differences, deployed))
        : inconclusive(
            `The release is still ${deployed.record?.record.to}. Deployment record ${deployed.record?.id} has no more to compare, because an older version of these actions wrote it: ${ONCE}.`,
          )
    case 'compared':
      return found.differences.length > 0
        ? failed(sentenceOf(found.differences, deployed))
        : nothingDiffers(found)
  }
}

function unseen(deployed: Subject['deployed']): Finding {
  if (deployed === undefined || deployed.known)
    return skipped('Input `baseline` is `none`, so this run does not compare the stack with the last deploy.')
  return inconclusive(`The last deploy is unknown: ${deployed.reason}.`)
}

function nothingDiffers({ uncompared, baseline }: Extract<Drift, { kind: 'compared' }>): Finding {
  const run = baseline.run === undefined ? '' : ` of workflow run ${baseline.run}`
  const good = `The stack matches what the ${baseline.by}${run} left.`
  if (uncompared.length === 0) return passed(good)
  const rest = uncompared.map(({ component, reason }) => `${component} (${reason})`).join(', ')
  const sentence = `${good} Not compared: ${rest}.`
  return uncompared.every(({ because }) => because === 'not-asked')
    ? passed(sentence)
    : inconclusive(sentence)
}

const NAMED = 4

function sentenceOf(differences: readonly Difference[], { record, baseline }: Deployed): string {
  const count = plural(differences.length, 'difference')
  const named = differences
    .slice(0, NAMED)
    .map(({ component, member, was, is }) => `${component} ${member}: \`${was}\` → \`${is}\``)
  const more = differences.length > NAMED ? `, and ${differences.length - NAMED} more` : ''
  return `${count} from the last deploy: ${named.join(', ')}${more}. ${unfinished(record, baseline)}Revert the change where it was made. To keep it, ${ONCE}.`
}

/** A deploy that started after the baseline and did not succeed is the likely cause. */
function unfinished(record: KeptRecord | undefined, baseline: KeptBaseline | undefined): string {
  const later = record !== undefined && Number(record.id) > Number(baseline?.id ?? 0)
  if (!later || record.state === 'success') return ''
  const run = record.record.run === undefined ? '' : ` in workflow run ${record.record.run}`
  const how = record.state === 'failure' ? 'failed' : 'did not finish'
  return `The deploy of Langfuse ${record.record.to}${run} ${how}. `
}
