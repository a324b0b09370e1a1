import { shortImage } from '../release/image.ts'
import type { EcsComponent, Stack } from '../stack/stack.ts'
import type { TargetImage, Targets } from '../stack/targets.ts'
import { ecsState } from './ecs-state.ts'
import type { RollAppRunner, RollEcs } from './plan.ts'
import { componentName } from './plan.ts'
import { continuedDeployment, continuedOperation } from './preflight.ts'
import { singleWriterSettings, whySingleWriter } from './single-writer.ts'

/** The step that brings an ECS component to an image, or undefined when it runs it already and is at rest. */
export function ecsStep(component: EcsComponent, target: TargetImage | undefined): RollEcs | undefined {
  const { service, image } = component
  if (target === undefined) return undefined
  const state = ecsState(service)
  if (state.kind === 'settled' && sameImage(image, target)) return undefined
  const settings = component.component === 'clickhouse' ? singleWriterSettings(service) : undefined
  const reasons = [
    changeOf(component.component, image, target),
    state.kind === 'hopeless'
      ? `Its deployment ${state.deployment.id} fails again and again and is replaced.`
      : '',
    settings === undefined ? '' : whySingleWriter(service),
  ]
  return {
    kind: 'roll-ecs',
    component: component.component,
    service: service.name,
    from: image.reference,
    to: target.reference,
    settings,
    follow: continuedDeployment(component, target),
    reason: reasons.filter(reason => reason !== '').join(' '),
  }
}

/** The same for the web, wherever it runs. */
export function webStep(stack: Stack, targets: Targets): RollAppRunner | RollEcs | undefined {
  const { web } = stack
  const target = targets.web
  if (web.platform !== 'app-runner') return ecsStep(web, target)
  const { service, image, operation } = web
  if (target === undefined || (operation === undefined && sameImage(image, target))) return undefined
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

function sameImage(image: { readonly digest: string | undefined }, target: TargetImage): boolean {
  return target.digest !== undefined && target.digest === image.digest
}

function changeOf(
  component: 'web' | 'worker' | 'clickhouse',
  image: { readonly version: string | undefined; readonly reference: string },
  target: TargetImage,
): string {
  return `${componentName(component)} runs ${image.version ?? shortImage(image.reference)} and is to run ${target.version ?? shortImage(target.asked)}.`
}
