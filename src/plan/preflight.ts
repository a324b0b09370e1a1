import { appRunnerBusy, deploysByItself, dirtyClickHouse, failedMigrations } from '../stack/rules.ts'
import type { EcsComponent, Stack } from '../stack/stack.ts'
import type { TargetImage, Targets } from '../stack/targets.ts'
import { ecsState } from './ecs-state.ts'
import { imageProblems, imageWarnings, type MissingImage, notPushed } from './preflight-images.ts'

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

/** The operation of an earlier run that brings the wanted image; App Runner already shows the new configuration. */
export function continuedOperation({ web }: Stack, targets: Targets): string | undefined {
  if (web.platform !== 'app-runner') return undefined
  const ours = web.operation !== undefined && web.service.image === targets.web?.reference
  return ours && web.operation?.status !== 'ROLLBACK_IN_PROGRESS' ? web.operation?.id : undefined
}

/** The deployment of an earlier run that brings the wanted image. */
export function continuedDeployment(component: EcsComponent, target: TargetImage): string | undefined {
  const state = ecsState(component.service)
  const ours = state.kind === 'rolling' && component.container.image === target.reference
  return ours ? state.deployment?.id : undefined
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
