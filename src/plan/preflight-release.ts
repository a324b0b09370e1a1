import type { DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions, type Release } from '../release/release.ts'
import { mandatoryStop, minimumClickHouse, mislabelled, tooOldClickHouse } from '../release/requirements.ts'
import type { CountedLoss } from '../stack/count-losses.ts'
import type { Backups } from '../stack/observe-backups.ts'
import type { Dependents } from '../stack/observe-dependents.ts'
import { brokenOnEfs, clickhouseAhead, runningClickHouse, wrongClickHouseCount } from '../stack/rules.ts'
import type { Stack } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'

/** `from`: undefined where the running release is unknown. */
type Way = {
  readonly from: Release | undefined
  readonly to: Release
  readonly facts: ReleaseFacts
}

/** Why this release can never be deployed here: at most one reason, and no other check matters then. */
export function releaseProblems(way: Way): readonly string[] {
  return [unknownRelease(way) ?? mislabelled(way.to, way.facts) ?? older(way) ?? []].flat()
}

function unknownRelease({ to, facts }: Way): string | undefined {
  if (facts.release(to) !== undefined) return undefined
  const newest = facts.releases.at(-1)?.version ?? 'none'
  if (to.includes('-')) {
    return `Langfuse ${to} is a pre-release. An upgrade from a pre-release can leave duplicate migrations. Deploy a final release, e.g. ${newest}.`
  }
  return `Langfuse ${to} is not in this action's catalog (newest: ${newest}), so its migrations are unknown. Use a newer version of this action, or deploy ${newest}.`
}

function older({ from, to }: Way): string | undefined {
  if (from === undefined || compareVersions(to, from) >= 0) return undefined
  return `Langfuse ${from} is running, and ${to} is older. A deploy never downgrades. Use the rollback action with \`to: ${to}\`.`
}

/** The release to deploy before the target. */
export function stopProblems({ from, to, facts }: Way): readonly string[] {
  const stop = from === undefined ? undefined : mandatoryStop(from, to, facts)
  if (stop === undefined) return []
  const rest = [...stop.later, to].join(', then ')
  return [
    `Langfuse ${to} cannot be deployed directly over ${from}, because ${stop.because}. Deploy ${stop.release} first, wait until its background migrations have finished, then deploy ${rest}.`,
  ]
}

/** What is unknown about this upgrade. */
export function releaseWarnings({ from, to, facts }: Way, url: string): readonly string[] {
  if (from === undefined) {
    return [
      `The running release is unknown: no image has an exact tag, and ${url} reports no version. Mandatory stops before ${to} were not checked, and this action cannot roll the deploy back.`,
    ]
  }
  const read = facts.release(to)?.readFrom
  return [
    read === undefined
      ? []
      : `Langfuse ${to} is newer than this action's catalog. Its migrations were read from ${read}. Its other requirements are unknown.`,
    facts.release(from) === undefined
      ? `Langfuse ${from} is running, which is not in this action's catalog. No tested rollback to it exists.`
      : [],
  ].flat()
}

export type DeployQuestion = {
  readonly config: DeployConfig
  readonly stack: Stack
  readonly targets: Targets
  readonly facts: ReleaseFacts
  /** undefined: no backup was requested. */
  readonly backups?: Backups | undefined
  /** How much the migrations delete, where the databases were asked. */
  readonly counted?: readonly CountedLoss[]
  /** What hangs on the objects that its undo would touch; undefined: not asked. */
  readonly dependents?: Dependents | undefined
}

/** The version to deploy; undefined: ClickHouse stays on its version. */
export function wantedClickHouse(config: DeployConfig, targets: Targets): string | undefined {
  return config.clickhouseVersion ?? targets.clickhouse?.version
}

/** Why the target cannot run on this ClickHouse. */
export function clickhouseProblems({ config, stack, targets, facts }: DeployQuestion): readonly string[] {
  const version = wantedClickHouse(config, targets) ?? runningClickHouse(stack)
  return [
    version === undefined ? undefined : tooOldClickHouse(config.version, version),
    clickhouseAhead(stack, config.version, facts),
    brokenOnEfs(stack, config.version),
    wrongClickHouseCount(stack.clickhouse.service),
  ].filter(problem => problem !== undefined)
}

export function clickhouseWarnings({ config, stack, targets }: DeployQuestion): readonly string[] {
  const [running, wanted] = [runningClickHouse(stack), wantedClickHouse(config, targets)]
  const minimum = minimumClickHouse(config.version)
  if (running === undefined && wanted === undefined && minimum !== undefined) {
    return [
      `The running ClickHouse version is unknown: its image has no exact tag, and this run did not reach the server. Langfuse ${config.version} needs ${minimum} or newer. Check the version before you approve.`,
    ]
  }
  if (running === undefined || wanted === undefined) return []
  if (compareVersions(wanted, running) < 0) {
    return [downgradedClickHouse(running, wanted)]
  }
  if (monthsBetween(running, wanted) <= 12) return []
  return [
    `ClickHouse jumps from ${running} to ${wanted}, but it supports upgrades across about one year of releases. Make sure that an EFS recovery point exists, or upgrade to a release in between first.`,
  ]
}

/** https://clickhouse.com/docs/operations/update */
export function downgradedClickHouse(from: string, to: string): string {
  return `ClickHouse changes from ${from} to the older ${to} on the same data. That fails if the data uses a newer feature. Make sure that an EFS recovery point exists.`
}

/** ClickHouse's versions are a year and a month. */
function monthsBetween(older: string, newer: string): number {
  const [from, to] = [older, newer].map(version => version.split('.').map(Number))
  const months = (version: readonly number[] | undefined) => (version?.[0] ?? 0) * 12 + (version?.[1] ?? 0)
  return months(to) - months(from)
}
