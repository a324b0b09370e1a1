import type { ReleaseFacts } from '../release/facts.ts'
import {
  fixOfBrokenOnEfs,
  majorOf,
  minimumClickHouse,
  mislabelled,
  missingClickHouse,
  tooOldClickHouse,
} from '../release/requirements.ts'
import { brokenOnEfs, runningClickHouse } from '../stack/rules.ts'
import { currentRelease } from '../stack/stack.ts'
import type { Check } from './check.ts'
import { failed, passed, skipped, warning } from './check.ts'
import { moduleHint } from './module-hint.ts'

const soundRelease = {
  id: 'sound-release',
  title: 'The running release has no known defect',
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['web', 'worker'],
  run({ stack, expected, facts }) {
    const release = expected ?? currentRelease(stack, facts)
    if (release === undefined) return skipped('No exact tag names the running release.')
    const problem = mislabelled(release, facts) ?? brokenOnEfs(stack, release)
    if (problem !== undefined) return failed(problem)
    if (stack.clickhouse.taskDefinition.volumes.length === 0)
      return passed(`Langfuse ${release} has no known defect.`)
    const later = fixOfBrokenOnEfs(release, undefined)
    if (later !== undefined) {
      return warning(
        `Langfuse ${release} applied ClickHouse migration 36 here, but would fail at it on a new ClickHouse on EFS (renameat2): deploy ${later} or newer.`,
      )
    }
    return passed(`Langfuse ${release} has no known defect.`)
  },
} as const satisfies Check

const clickhouseMinimum = {
  id: 'clickhouse-minimum',
  title: 'ClickHouse is new enough for the release',
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['clickhouse'],
  run({ stack, expected, facts }) {
    const release = expected ?? currentRelease(stack, facts)
    const version = runningClickHouse(stack)
    if (version === undefined)
      return skipped(
        'The version of ClickHouse is unknown: no exact tag names it, and this run did not query the server.',
      )
    if (release === undefined)
      return skipped(`ClickHouse is ${version}; no exact tag names the running release.`)
    const tooOld = tooOldClickHouse(release, version)
    if (tooOld !== undefined) return failed(`${tooOld}${moduleHint(stack, 'clickhouseTag')}`)
    const next = `${majorOf(release) + 1}.0.0`
    const later = missingClickHouse(next, version)
    const enough = `ClickHouse is ${version}; Langfuse ${release} needs ${minimumClickHouse(release) ?? 'no particular version'}`
    if (later === undefined) return passed(`${enough}.`)
    const ahead = `Langfuse ${majorOf(next)} will need ${later}`
    return isNewest(release, facts)
      ? warning(
          `ClickHouse is ${version}, but the next release, Langfuse ${majorOf(next)}, needs ${later}: upgrade ClickHouse before you upgrade Langfuse.${moduleHint(stack, 'clickhouseTag')}`,
        )
      : passed(`${enough}. ${ahead}.`)
  },
} as const satisfies Check

/** Whether it is the last of its major and the next major exists. */
function isNewest(release: string, { releases }: ReleaseFacts): boolean {
  const majors = releases.map(({ version }) => majorOf(version))
  const same = releases.filter(({ version }) => majorOf(version) === majorOf(release))
  return same.at(-1)?.version === release && majors.includes(majorOf(release) + 1)
}

export const RELEASE_CHECKS = [soundRelease, clickhouseMinimum] as const
