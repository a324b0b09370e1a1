import { COMPONENTS, type Component } from '../inputs/config.ts'
import type { DeploymentSettings, EcsDeployment, EcsService } from '../ports/cloud.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { parseImage, shortImage } from '../release/image.ts'
import {
  currentRelease,
  type EcsComponent,
  isFloating,
  type RunningImage,
  type Stack,
} from '../stack/stack.ts'
import type { TargetImage, Targets } from '../stack/targets.ts'
import { componentName, type Mirror, type RollAppRunner, type RollEcs, type Step } from './plan.ts'

/** The step that deploys an image to an ECS component; undefined where the image runs already in steady state. */
export function ecsStep(component: EcsComponent, target: TargetImage | undefined): RollEcs | undefined {
  const { service, image } = component
  if (target === undefined) return undefined
  const state = ecsState(service)
  if (state.kind === 'settled' && sameImage(image, target)) return undefined
  const settings = component.component === 'clickhouse' ? singleWriterSettings(service) : undefined
  const reasons = [
    changeOf(component.component, image, target),
    state.kind === 'hopeless'
      ? `Its deployment ${state.deployment.id} keeps failing, so this step replaces it.`
      : [],
    settings === undefined ? [] : whySingleWriter(service),
  ].flat()
  return {
    kind: 'roll-ecs',
    component: component.component,
    service: service.name,
    from: image.reference,
    to: target.reference,
    settings,
    follow: continuedDeployment(component, target),
    reason: reasons.join(' '),
  }
}

export function webStep({ stack, targets, facts }: WebQuestion): RollAppRunner | RollEcs | undefined {
  const { web } = stack
  const target = targets.web
  if (web.platform !== 'app-runner') return ecsStep(web, target)
  const { service, image, operation } = web
  if (target === undefined || (operation === undefined && isRunning(target, stack, facts))) return undefined
  return {
    kind: 'roll-app-runner',
    component: 'web',
    service: service.name,
    from: image.reference,
    to: target.reference,
    follow: continuedOperation(stack, targets),
    reason: changeOf('web', image, target),
  }
}

type WebQuestion = { readonly stack: Stack; readonly targets: Targets; readonly facts: ReleaseFacts }

/** A floating tag that has the target's digest now proves nothing if another release runs. */
function isRunning(target: TargetImage, stack: Stack, facts: ReleaseFacts): boolean {
  const runs = isFloating(stack.web) ? currentRelease(stack, facts) : undefined
  const other = runs !== undefined && target.version !== undefined && runs !== target.version
  return !other && sameImage(stack.web.image, target)
}

function sameImage(image: { readonly digest: string | undefined }, target: TargetImage): boolean {
  return target.digest !== undefined && target.digest === image.digest
}

/** Whether a reference names the target. Running tasks prove nothing here: they may be of an older deployment. */
function names(reference: string, target: TargetImage): boolean {
  const digest = parseImage(reference)?.digest
  return reference === target.reference || (digest !== undefined && digest === target.digest)
}

function changeOf(component: Component, image: RunningImage, target: TargetImage): string {
  return `Change ${componentName(component)} from ${image.version ?? shortImage(image.reference)} to ${target.version ?? shortImage(target.asked)}.`
}

/** Copies of images that the changes need and that the deployed repositories lack. Pure. */
export function mirrorSteps(targets: Targets, changes: readonly Step[]): readonly Mirror[] {
  return COMPONENTS.flatMap(component => {
    const target = targets[component]
    const needed = changes.some(step => 'to' in step && step.to === target?.reference)
    if (target?.mirror === undefined || !needed) return []
    const { from, tool } = target.mirror
    const reason = `The ${componentName(component)} image is not in its repository yet. ${tool} copies it from ${shortImage(from)}.`
    return { kind: 'mirror' as const, component, from, to: target.asked, tool, reason }
  })
}

/** `hopeless`: a deployment that never ends. */
type EcsState =
  | { readonly kind: 'settled' }
  | { readonly kind: 'rolling'; readonly deployment: EcsDeployment | undefined }
  | { readonly kind: 'hopeless'; readonly deployment: EcsDeployment }

/** ECS's own threshold for one task. */
const HOPELESS_FAILURES = 3

export function ecsState(service: EcsService): EcsState {
  const primary = service.deployments.find(deployment => deployment.status === 'PRIMARY')
  if (primary !== undefined && isHopeless(service, primary)) return { kind: 'hopeless', deployment: primary }
  const atRest = service.deployments.length === 1 && primary?.rolloutState === 'COMPLETED'
  return atRest ? { kind: 'settled' } : { kind: 'rolling', deployment: primary }
}

/** Without a circuit breaker ECS restarts failing tasks forever. */
export function isHopeless(service: EcsService, deployment: EcsDeployment): boolean {
  const endless = !service.settings.circuitBreaker.enable || deployment.rolloutState === 'FAILED'
  return endless && deployment.failedTasks >= HOPELESS_FAILURES && deployment.runningCount === 0
}

/**
 * ClickHouse must stop before the next one starts: a second server on one EFS directory exits with "Another server
 * instance in same directory is already running" (ClickHouse#29607), and ECS's default of 100 % and 200 % retries forever.
 */
export function singleWriterSettings(service: EcsService): DeploymentSettings | undefined {
  const { minimumHealthyPercent, maximumPercent } = service.settings
  if (minimumHealthyPercent === 0 && maximumPercent === 100) return undefined
  return { ...service.settings, minimumHealthyPercent: 0, maximumPercent: 100 }
}

export function describeSettings(settings: DeploymentSettings): string {
  return `minimum ${settings.minimumHealthyPercent} %, maximum ${settings.maximumPercent} %`
}

export function whySingleWriter(service: EcsService): string {
  return `ECS service ${service.name} deploys with ${describeSettings(service.settings)}, so a new task starts before the old one stops. Two ClickHouse servers cannot share one EFS directory.`
}

/** An earlier run's operation that deploys the wanted image; App Runner already reports the new configuration. */
export function continuedOperation({ web }: Stack, targets: Targets): string | undefined {
  if (web.platform !== 'app-runner') return undefined
  const ours =
    web.operation !== undefined && targets.web !== undefined && names(web.service.image, targets.web)
  return ours && web.operation?.status !== 'ROLLBACK_IN_PROGRESS' ? web.operation?.id : undefined
}

/** An earlier run's deployment of the wanted image. */
export function continuedDeployment(component: EcsComponent, target: TargetImage): string | undefined {
  const state = ecsState(component.service)
  const ours = state.kind === 'rolling' && names(component.container.image, target)
  return ours ? state.deployment?.id : undefined
}
