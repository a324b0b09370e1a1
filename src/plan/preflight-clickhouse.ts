import type { DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import { minimumClickHouse, tooOldClickHouse } from '../release/requirements.ts'
import { brokenOnEfs, clickhouseAhead, runningClickHouse, wrongClickHouseCount } from '../stack/rules.ts'
import type { Stack } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'

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
