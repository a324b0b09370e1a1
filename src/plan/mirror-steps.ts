import { shortImage } from '../release/image.ts'
import type { Targets } from '../stack/targets.ts'
import type { Mirror, Step } from './plan.ts'
import { componentName } from './plan.ts'

/** Copies of the images that the changes need and that the deployed repositories do not have. Pure. */
export function mirrorSteps(targets: Targets, changes: readonly Step[]): readonly Mirror[] {
  return (['worker', 'clickhouse', 'web'] as const).flatMap(component => {
    const target = targets[component]
    const needed = changes.some(step => 'to' in step && step.to === target?.reference)
    if (target?.mirror === undefined || !needed) return []
    const { from, tool } = target.mirror
    return [
      {
        kind: 'mirror' as const,
        component,
        from,
        to: target.asked,
        tool,
        reason: `The ${componentName(component)} image is not in its repository yet: ${tool} copies ${shortImage(from)}.`,
      },
    ]
  })
}
