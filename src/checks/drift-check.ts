import type { Baseline, KeptBaseline, KeptRecord } from '../ports/github.ts'
import { compareWith, type Deployed, type Difference, type Uncompared } from '../stack/baseline.ts'
import { identityOf } from '../stack/fingerprint.ts'
import { currentRelease } from '../stack/stack.ts'
import { type Check, type Finding, failed, inconclusive, passed, type Subject, skipped } from './check.ts'

export const drift = {
  id: 'drift',
  title: 'What runs is what was deployed',
  group: 'control-plane',
  needs: ['record'],
  settles: false,
  about: ['web', 'worker', 'clickhouse'],
  run: subject => {
    const { deployed } = subject
    return deployed?.known === true ? evaluate(driftOf(subject), deployed.value) : unseen(deployed)
  },
} as const satisfies Check

/** What is otherwise than it was deployed, and what that rests on. */
type Drift =
  | { readonly kind: 'nothing-to-compare'; readonly reason: string }
  | { readonly kind: 'underway'; readonly certain: boolean; readonly sentence: string }
  /** Of records from before there were baselines only the release can be compared. */
  | { readonly kind: 'release-only'; readonly differences: readonly Difference[] }
  | {
      readonly kind: 'compared'
      readonly differences: readonly Difference[]
      readonly uncompared: readonly Uncompared[]
      readonly baseline: Baseline
    }

/** Pure: the same evidence gives the same answer to the check, the outputs and the issue. */
export function driftOf(subject: Subject): Drift {
  const { deployed, stack } = subject
  if (deployed?.known !== true) return { kind: 'nothing-to-compare', reason: 'no record was read' }
  const { baseline, record, underway } = deployed.value
  if (baseline === undefined) return underway ? { kind: 'underway', ...underway } : byRelease(subject, record)
  if (baseline.baseline.stack !== identityOf(stack)) {
    return {
      kind: 'nothing-to-compare',
      reason: `baseline ${baseline.id} in ${deployed.value.location} is that of another stack (${baseline.baseline.stack}): give each stack an \`environment\` of its own, and deploy once`,
    }
  }
  const compared = compareWith(baseline.baseline.fingerprint, stack)
  // While nothing differs yet it does not matter that somebody has begun.
  if (underway !== undefined && compared.differences.length > 0) return { kind: 'underway', ...underway }
  return { kind: 'compared', ...compared, baseline: baseline.baseline }
}

/** The differences that count: none while they are another run's doing. */
export function differencesOf(found: Drift): readonly Difference[] {
  return 'differences' in found ? found.differences : []
}

function byRelease({ stack, facts }: Subject, record: KeptRecord | undefined): Drift {
  if (record?.state !== 'success') {
    return {
      kind: 'nothing-to-compare',
      reason: `nothing was written down yet of what was deployed: ${ONCE}`,
    }
  }
  const is = currentRelease(stack, facts) ?? 'unknown'
  const was = record.record.to
  return {
    kind: 'release-only',
    differences: is === was ? [] : [{ component: 'web', member: 'release', was, is }],
  }
}

const ONCE =
  'run the deploy action once with the release that runs: it changes nothing and writes down what runs'

function evaluate(found: Drift, deployed: Deployed): Finding {
  switch (found.kind) {
    case 'nothing-to-compare':
      return inconclusive(`Nothing can be compared: ${found.reason}.`)
    case 'underway':
      return (found.certain ? skipped : inconclusive)(found.sentence)
    case 'release-only':
      return found.differences.length > 0
        ? failed(sentenceOf(found.differences, deployed))
        : inconclusive(
            `The release is still ${deployed.record?.record.to}, but the deployment record ${deployed.record?.id} says nothing else of what was deployed, because it was written by an older version of these actions: ${ONCE}.`,
          )
    case 'compared':
      return found.differences.length > 0
        ? failed(sentenceOf(found.differences, deployed))
        : nothingDiffers(found)
  }
}

function unseen(deployed: Subject['deployed']): Finding {
  if (deployed === undefined || deployed.known)
    return skipped('Nobody asked to compare with what was deployed: `baseline` is `none`.')
  return inconclusive(`What was deployed is not known: ${deployed.reason}.`)
}

function nothingDiffers({ uncompared, baseline }: Extract<Drift, { kind: 'compared' }>): Finding {
  const run = baseline.run === undefined ? '' : ` of workflow run ${baseline.run}`
  const good = `Nothing differs from what the ${baseline.by}${run} left.`
  if (uncompared.length === 0) return passed(good)
  const rest = uncompared.map(({ component, reason }) => `${component} (${reason})`).join(', ')
  const sentence = `${good} Not compared: ${rest}.`
  return uncompared.every(({ because }) => because === 'not-asked')
    ? passed(sentence)
    : inconclusive(sentence)
}

const NAMED = 4

function sentenceOf(differences: readonly Difference[], { record, baseline }: Deployed): string {
  const count = differences.length === 1 ? '1 difference' : `${differences.length} differences`
  const named = differences
    .slice(0, NAMED)
    .map(({ component, member, was, is }) => `${component} ${member}: \`${was}\` → \`${is}\``)
  const more = differences.length > NAMED ? `, and ${differences.length - NAMED} more` : ''
  return `${count} from what was deployed: ${named.join(', ')}${more}. ${unfinished(record, baseline)}Undo it where it was made; if it is meant to stay, ${ONCE}.`
}

/** A deploy that began after the baseline and did not come to its end is the likely cause. */
function unfinished(record: KeptRecord | undefined, baseline: KeptBaseline | undefined): string {
  const later = record !== undefined && Number(record.id) > Number(baseline?.id ?? 0)
  if (!later || record.state === 'success') return ''
  const run = record.record.run === undefined ? '' : ` in workflow run ${record.record.run}`
  const how = record.state === 'failure' ? 'failed' : 'did not come to its end'
  return `The deploy of Langfuse ${record.record.to}${run} ${how}. `
}
