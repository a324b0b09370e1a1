import { explain, RolloutError } from '../errors/errors.ts'
import { backgroundMigrations } from './background-check.ts'
import { BACKUP_CHECKS } from './backups.ts'
import { CANARY_CHECKS } from './canary-checks.ts'
import type { Check, CheckState, Finding, Subject } from './check.ts'
import { cloudMap, cloudMapSettings } from './data-path.ts'
import { DATABASE_CHECKS } from './database-checks.ts'
import { drift } from './drift-check.ts'
import { ENVIRONMENT_CHECKS } from './environment.ts'
import { clickhouseDisk, clickhouseName, valkey, workerHealth } from './inside.ts'
import { MOUNT_CHECKS } from './mount.ts'
import { NETWORK_CHECKS } from './network-checks.ts'
import { REGISTRY_CHECKS } from './registry-checks.ts'
import { RELEASE_CHECKS } from './releases.ts'
import {
  clickhouseSingleWriter,
  clickhouseSteady,
  oneRelease,
  webHealthCheck,
  webSteady,
  workerSteady,
} from './services.ts'
import { SETTINGS_CHECKS } from './settings.ts'
import { efs, STORAGE_CHECKS } from './storage-checks.ts'
import { clickhousePing, clickhouseSchema, postgresMigrations } from './store-checks.ts'
import { webHealth, webVersion } from './web-health.ts'

/** Every check, in the order of the report. */
const TABLE = [
  webSteady,
  workerSteady,
  clickhouseSteady,
  clickhouseSingleWriter,
  oneRelease,
  webHealthCheck,
  ...SETTINGS_CHECKS,
  ...RELEASE_CHECKS,
  ...ENVIRONMENT_CHECKS,
  ...REGISTRY_CHECKS,
  ...BACKUP_CHECKS,
  cloudMap,
  cloudMapSettings,
  efs,
  ...STORAGE_CHECKS,
  ...MOUNT_CHECKS,
  ...NETWORK_CHECKS,
  webHealth,
  webVersion,
  ...CANARY_CHECKS,
  clickhousePing,
  clickhouseSchema,
  postgresMigrations,
  backgroundMigrations,
  clickhouseName,
  clickhouseDisk,
  valkey,
  workerHealth,
  ...DATABASE_CHECKS,
  drift,
] as const

/** Derived from the table, so the compiler checks every reference to a check. */
export type CheckId = (typeof TABLE)[number]['id']

export type CheckResult = Finding & Omit<Check<CheckId>, 'run' | 'needs' | 'settles'>

export const CHECKS: readonly Check<CheckId>[] = TABLE

/** Those that a rollout must pass. */
export const SETTLING: readonly Check<CheckId>[] = CHECKS.filter(check => check.settles)

/** The checks with these names or groups; throws on an unknown name. */
export function chooseChecks(names: readonly string[]): readonly Check<CheckId>[] {
  if (names.length === 0 || names.includes('all')) return CHECKS
  const unknown = names.filter(name => !CHECKS.some(check => check.id === name || check.group === name))
  if (unknown.length > 0) {
    const known = [...new Set(CHECKS.flatMap(check => [check.group, check.id]))].join(', ')
    throw new RolloutError(
      `Input \`checks\` contains \`${unknown.join(', ')}\`, which is not a check or a group. Use \`all\`, or names from ${known}.`,
    )
  }
  return CHECKS.filter(check => names.includes(check.id) || names.includes(check.group))
}

/** Runs the checks in parallel. A check that throws is inconclusive. */
export async function runChecks(
  checks: readonly Check<CheckId>[],
  subject: Subject,
): Promise<readonly CheckResult[]> {
  return Promise.all(
    checks.map(async ({ run, needs: _needs, settles: _settles, ...check }) => {
      try {
        return { ...check, ...(await run(subject)) }
      } catch (error) {
        return {
          ...check,
          state: 'inconclusive' as const,
          sentence: `Internal error in this check: ${explain(error)}`,
        }
      }
    }),
  )
}

type Verdict = 'passed' | 'failed' | 'inconclusive'

/** Passes only if at least one check passed or warned. */
export function verdictOf(results: readonly CheckResult[], failOn: 'failed' | 'warning'): Verdict {
  const has = (state: CheckState) => results.some(result => result.state === state)
  if (has('failed') || (failOn === 'warning' && has('warning'))) return 'failed'
  if (has('inconclusive') || !(has('passed') || has('warning'))) return 'inconclusive'
  return 'passed'
}

export function countOf(results: readonly CheckResult[], state: CheckState): number {
  return results.filter(result => result.state === state).length
}
