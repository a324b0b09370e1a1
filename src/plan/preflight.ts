import type { Component } from '../inputs/config.ts'
import { appRunnerBusy, deploysByItself, dirtyClickHouse, failedMigrations } from '../stack/rules.ts'
import type { Stack } from '../stack/stack.ts'
import type { TargetImage, Targets } from '../stack/targets.ts'
import { continuedOperation } from './image-steps.ts'
import { componentName } from './plan.ts'

/**
 * What stops any change of a stack, whichever way it goes. One sentence each, with what to do.
 * `repaired`: failed Postgres migrations that the plan itself puts right; `missing`: what to say of an image that is not there.
 */
export function commonProblems(
  stack: Stack,
  targets: Targets,
  { repaired, missing }: { readonly repaired: ReadonlySet<string>; readonly missing: MissingImage } = FORWARD,
): readonly string[] {
  return [
    ...webBusy(stack, targets),
    ...unreachableStores(stack),
    ...brokenMigrations(stack, repaired),
    ...imageProblems(stack, targets, missing),
  ]
}

const FORWARD = { repaired: new Set<string>(), missing: notPushed }

/** A busy App Runner can be followed when it does what is wanted. */
function webBusy(stack: Stack, targets: Targets): readonly string[] {
  const problem = appRunnerBusy(stack)
  return problem === undefined || continuedOperation(stack, targets) !== undefined ? [] : [problem]
}

/** A store that was given and cannot be reached is a mistake to correct, not a reason to go on blindly. */
function unreachableStores(stack: Stack): readonly string[] {
  return [stack.postgres, stack.clickhouseStore].flatMap(store =>
    !store.known && store.because === 'unreachable' ? [store.reason] : [],
  )
}

function brokenMigrations(stack: Stack, repaired: ReadonlySet<string>): readonly string[] {
  const failed = [...failedMigrations(stack)].filter(([name]) => !repaired.has(name))
  const dirty = dirtyClickHouse(stack)
  return [...failed.map(([, sentence]) => sentence), ...(dirty === undefined ? [] : [dirty])]
}

/** What a person should know before they approve, and what cannot be seen. */
export function commonWarnings(stack: Stack, targets: Targets): readonly string[] {
  const warnings: string[] = []
  if (!stack.postgres.known)
    warnings.push(`The state of PostgreSQL was not checked: ${stack.postgres.reason}.`)
  if (!stack.clickhouseStore.known) {
    warnings.push(`The state of ClickHouse was not checked: ${stack.clickhouseStore.reason}.`)
  }
  warnings.push(...imageWarnings(targets))
  const byItself = deploysByItself(stack)
  return byItself === undefined ? warnings : [...warnings, byItself]
}

const COMPONENTS: readonly Component[] = ['worker', 'clickhouse', 'web']

/** Images that do not exist, or not for the processor that they are to run on. */
export function imageProblems(stack: Stack, targets: Targets, missing: MissingImage): readonly string[] {
  return COMPONENTS.flatMap(component => {
    const target = targets[component]
    if (target === undefined) return []
    return target.presence === 'missing'
      ? [missing(component, target)]
      : wrongPlatform(component, target, stack)
  })
}

/** One sentence on an image that its registry does not have, with what to do. */
export type MissingImage = (component: Component, target: TargetImage) => string

/** Of an image that a deploy wants. */
export function notPushed(component: Component, { asked, problem }: TargetImage): string {
  if (problem !== undefined) return problem
  return `The ${componentName(component)} image \`${asked}\` does not exist in its registry: push it first, or name another with \`${component}-image\`.`
}

/** What the registry does not say of an image is not a failure: an old single-platform manifest names no platform. */
function wrongPlatform(component: Component, target: TargetImage, stack: Stack): readonly string[] {
  const { platform, because } = neededPlatform(component, stack)
  if (target.platforms === undefined || target.platforms.includes(platform)) return []
  return [
    `The ${componentName(component)} image \`${target.asked}\` is built for ${target.platforms.join(' and ')}, and ${because}: push an image that has ${platform} too, e.g. the whole multi-platform image.`,
  ]
}

function neededPlatform(component: Component, stack: Stack): { platform: string; because: string } {
  const where = stack[component]
  // https://github.com/aws/apprunner-roadmap/issues/98: App Runner runs amd64 only, and finds out when it starts.
  if ('platform' in where && where.platform === 'app-runner') {
    return {
      platform: 'linux/amd64',
      because: `App Runner service ${where.service.name} runs linux/amd64 only`,
    }
  }
  const { architecture, family, revision } = where.taskDefinition
  const platform = architecture === 'ARM64' ? 'linux/arm64' : 'linux/amd64'
  return { platform, because: `task definition ${family}:${revision} runs on ${platform}` }
}

/** What could not be looked up. */
export function imageWarnings(targets: Targets): readonly string[] {
  return COMPONENTS.flatMap(component => {
    const target = targets[component]
    if (target?.presence !== 'unchecked') return []
    return [
      `The ${componentName(component)} image \`${target.asked}\` is not in ECR: that it exists, and for which platforms, was not checked.`,
    ]
  })
}

/** An image that was named in full and carries another release's tag than `version`. */
export function foreignImages(targets: Targets, version: string): readonly string[] {
  return (['worker', 'web'] as const).flatMap(component => {
    const target = targets[component]
    if (target?.version === undefined || target.version === version) return []
    return [
      `The ${component} image \`${target.asked}\` carries the tag ${target.version}, and \`version\` is ${version}: make sure that it holds ${version}.`,
    ]
  })
}
