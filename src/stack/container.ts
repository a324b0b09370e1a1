import { RolloutError } from '../errors/errors.ts'
import type { Component } from '../inputs/config.ts'
import type { Container, TaskDefinition } from '../ports/cloud.ts'

/** The container that runs the component; throws if several essential containers may be it. */
export function pickContainer(component: Component, definition: TaskDefinition): Container {
  const essential = definition.containers.filter(container => container.essential)
  const [only] = essential
  if (essential.length === 1 && only !== undefined) return only
  const named = essential.filter(container =>
    `${container.name} ${container.image}`.toLowerCase().includes(component),
  )
  const [match] = named
  if (named.length === 1 && match !== undefined) return match
  throw new RolloutError(
    `Task definition ${definition.arn} has the containers ${definition.containers.map(container => container.name).join(', ')}, and it is unclear which one runs ${component}: put "${component}" into the name of that container.`,
  )
}
