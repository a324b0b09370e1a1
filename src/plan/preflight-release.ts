import type { DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions, type Release } from '../release/release.ts'
import { mandatoryStop, minimumClickHouse, mislabelled, tooOldClickHouse } from '../release/requirements.ts'
import { brokenOnEfs, clickhouseAhead, runningClickHouse, wrongClickHouseCount } from '../stack/rules.ts'
import type { Stack } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'

/** From what to what, where both are told apart by what the catalog says. `from`: undefined when it cannot be told. */
type Way = {
  readonly from: Release | undefined
  readonly to: Release
  readonly facts: ReleaseFacts
}

/** Why the release is none that a deploy could ever bring here. At most one, and nothing else matters then. */
export function releaseProblems(way: Way): readonly string[] {
  const problem = unknownRelease(way) ?? mislabelled(way.to, way.facts) ?? older(way)
  return problem === undefined ? [] : [problem]
}

function unknownRelease({ to, facts }: Way): string | undefined {
  if (facts.release(to) !== undefined) return undefined
  const newest = facts.releases.at(-1)?.version ?? 'none'
  if (to.includes('-')) {
    return `Langfuse ${to} is a pre-release, and moving on from one can end in migrations that exist twice: deploy a final release, e.g. ${newest}.`
  }
  return `Langfuse ${to} is not in this version's catalog (newest: ${newest}), so what it migrates is not known: use a newer version of this action, or deploy ${newest}.`
}

function older({ from, to }: Way): string | undefined {
  if (from === undefined || compareVersions(to, from) >= 0) return undefined
  return `Langfuse ${from} runs, and ${to} is older: a deploy never goes back, use the rollback action with \`to: ${to}\`.`
}

/** The release that has to run in between. What else stands in the target's way is said beside it. */
export function stopProblems({ from, to, facts }: Way): readonly string[] {
  const stop = from === undefined ? undefined : mandatoryStop(from, to, facts)
  if (stop === undefined) return []
  const rest = [...stop.later, to].join(', then ')
  return [
    `Langfuse ${to} cannot follow ${from} at once, because ${stop.because}: deploy ${stop.release} first, wait until its background migrations have finished, then ${rest}.`,
  ]
}

/** What cannot be told of the way, and what it does without asking. */
export function releaseWarnings({ from, to, facts }: Way, url: string): readonly string[] {
  if (from === undefined) {
    return [
      `Which release runs now cannot be told (no exact tag, and ${url} reports none): mandatory stops on the way to ${to} were not checked, and there is no way back by this action.`,
    ]
  }
  const read = facts.release(to)?.readFrom
  const newer =
    read === undefined
      ? []
      : [
          `Langfuse ${to} is newer than this version's catalog: its migrations were read from ${read}, and what else it asks for is not known.`,
        ]
  if (facts.release(from) === undefined) {
    return [
      ...newer,
      `Langfuse ${from}, which runs now, is not in this version's catalog: there is no proven way back to it.`,
    ]
  }
  return newer
}

type Question = {
  readonly config: DeployConfig
  readonly stack: Stack
  readonly targets: Targets
  readonly facts: ReleaseFacts
}

/** The version that it is to run; undefined: it stays on what it runs. */
export function wantedClickHouse(config: DeployConfig, targets: Targets): string | undefined {
  return config.clickhouseVersion ?? targets.clickhouse?.version
}

/** Why the target cannot run on this ClickHouse. */
export function clickhouseProblems({ config, stack, targets, facts }: Question): readonly string[] {
  const version = wantedClickHouse(config, targets) ?? runningClickHouse(stack)
  return [
    version === undefined ? undefined : tooOldClickHouse(config.version, version),
    clickhouseAhead(stack, config.version, facts),
    brokenOnEfs(stack, config.version),
    wrongClickHouseCount(stack.clickhouse.service),
  ].filter(problem => problem !== undefined)
}

/** What a person should know of ClickHouse's own version before they approve. */
export function clickhouseWarnings({ config, stack, targets }: Question): readonly string[] {
  const [running, wanted] = [runningClickHouse(stack), wantedClickHouse(config, targets)]
  const minimum = minimumClickHouse(config.version)
  if (running === undefined && wanted === undefined && minimum !== undefined) {
    return [
      `Which ClickHouse runs cannot be told (no exact tag, and the server was not asked): Langfuse ${config.version} needs ${minimum} or newer, so look before you approve.`,
    ]
  }
  if (running === undefined || wanted === undefined) return []
  if (compareVersions(wanted, running) < 0) {
    return [
      `ClickHouse goes back from ${running} to ${wanted} on the same data, which works only within about a year of releases and while no feature of the newer one was used: have an EFS recovery point.`,
    ]
  }
  if (monthsBetween(running, wanted) <= 12) return []
  return [
    `ClickHouse jumps from ${running} to ${wanted}, and it supports upgrades over about a year of releases: have an EFS recovery point, or go by a release in between.`,
  ]
}

/** ClickHouse's versions are a year and a month: https://clickhouse.com/docs/operations/update. */
function monthsBetween(older: string, newer: string): number {
  const [from, to] = [older, newer].map(version => version.split('.').map(Number))
  const months = (version: readonly number[] | undefined) => (version?.[0] ?? 0) * 12 + (version?.[1] ?? 0)
  return months(to) - months(from)
}
