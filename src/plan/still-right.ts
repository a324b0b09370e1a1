import type { Component } from '../inputs/config.ts'
import { componentName, isSchemaStep, type SchemaStep, type Step, titleOf } from './plan.ts'

/** How far a rollback came, as far as its next step depends on it. */
export type Progress = {
  readonly results: readonly { readonly step: Step; readonly state: string }[]
  /** Components that AWS is still restoring. */
  readonly restoring: ReadonlySet<Component>
}

/**
 * Why a step of a rollback must not run after what went wrong before it; undefined: it is still right. Down SQL may
 * never take away what a newer image, which may still run, needs.
 */
export function whyNoLongerRight(step: Step, { results, restoring }: Progress): string | undefined {
  const bad = results.filter(({ state }) => state !== 'done').map(result => result.step)
  const isBad = (component: Component) =>
    restoring.has(component) || bad.some(one => 'component' in one && one.component === component)
  const without = (phase: SchemaStep['phase']) => {
    const missing = bad.find(one => isSchemaStep(one) && one.phase === phase)
    return missing && `it needs ${titleOf(missing)}, which is not done`
  }
  const newer = (...components: readonly Component[]) => {
    const [first] = components.filter(isBad)
    return first && `it needs the older image of ${componentName(first)}, which is not proven to run`
  }
  switch (step.kind) {
    case 'roll-ecs':
    case 'roll-app-runner':
      if (restoring.has(step.component)) return 'AWS is still restoring this service'
      // A newer web may need the newer ClickHouse.
      return without('expand') ?? (step.component === 'clickhouse' ? newer('web') : undefined)
    case 'undo-schema':
      if (step.phase === 'validate') return without('contract')
      if (step.phase === 'expand') return without('close')
      return (
        without('expand') ??
        newer('web', 'worker', ...(step.clickhouse.length > 0 ? (['clickhouse'] as const) : []))
      )
    case 'keep-data':
      return undefined
    default:
      return bad.length === 0 ? undefined : 'an earlier step failed'
  }
}
