import type { DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import { fixOfBrokenOnEfs, minimumClickHouse, missingClickHouse } from '../release/requirements.ts'
import type { Stack } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'

type Question = {
  readonly config: DeployConfig
  readonly stack: Stack
  readonly targets: Targets
  readonly facts: ReleaseFacts
}

/** The version that ClickHouse runs: what the server says, else the tag of its image. */
export function runningClickHouse(stack: Stack): string | undefined {
  return stack.clickhouseStore.known ? stack.clickhouseStore.value.version : stack.clickhouse.image.version
}

/** The version that it is to run; undefined: it stays on what it runs. */
export function wantedClickHouse(config: DeployConfig, targets: Targets): string | undefined {
  return config.clickhouseVersion ?? targets.clickhouse?.version
}

/** Why the target cannot run on this ClickHouse. */
export function clickhouseProblems(question: Question): readonly string[] {
  return [...tooOld(question), ...schemaAhead(question), ...brokenOnEfs(question), ...notSingle(question)]
}

function tooOld({ config, stack, targets }: Question): readonly string[] {
  const version = wantedClickHouse(config, targets) ?? runningClickHouse(stack)
  const minimum = version === undefined ? undefined : missingClickHouse(config.version, version)
  if (minimum === undefined) return []
  return [
    `Langfuse ${config.version} needs ClickHouse ${minimum} or newer, and it would be ${version}: set \`clickhouse-version\` to ${minimum} or newer.`,
  ]
}

function schemaAhead({ config, stack, facts }: Question): readonly string[] {
  const head = headOf(stack)
  const knows = facts.release(config.version)?.clickhouseHead
  if (head === undefined || knows === undefined || head <= knows) return []
  return [
    `ClickHouse's schema is at version ${head}, and Langfuse ${config.version} only knows ${knows}, so its web would not start: deploy the release that migrated to ${head}, or a newer one.`,
  ]
}

function brokenOnEfs({ config, stack, facts }: Question): readonly string[] {
  const fixed = fixOfBrokenOnEfs(config.version, headOf(stack))
  if (fixed === undefined || stack.clickhouse.taskDefinition.volumes.length === 0) return []
  const remedy = facts.release(fixed) === undefined ? `${fixed} or newer` : fixed
  return [
    `ClickHouse's data is on EFS, where Langfuse ${config.version} fails in ClickHouse migration 36 (CREATE OR REPLACE VIEW needs renameat2, which EFS does not have) and leaves the schema dirty: deploy ${remedy} instead.`,
  ]
}

function notSingle({ stack }: Question): readonly string[] {
  const { name, desiredCount } = stack.clickhouse.service
  if (desiredCount === 1) return []
  return [
    `ECS service ${name} wants ${desiredCount} tasks, and ClickHouse on EFS works with exactly one: set its desired count to 1.`,
  ]
}

function headOf(stack: Stack): number | undefined {
  return stack.clickhouseStore.known ? stack.clickhouseStore.value.head : undefined
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
